"""Quantising: an encoder's network with 8-bit integers or 16-bit floats, as an encoder of its own.

INT8 is static, per channel in the weights (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018), by ONNX Runtime's tools: the ranges of activations come from pictures of
the user's own. A quarter of these is held back, and the layers that cost most on them stay in FP32. FP16 halves a file,
and is for devices: on a CPU it gains no speed.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from yunmeng.encoders.added import model_folder
from yunmeng.encoders.adding import workplace
from yunmeng.encoders.catalogue import load, network_of
from yunmeng.encoders.described_encoder import DescribedEncoder, as_input
from yunmeng.encoders.fitting import OnEncoded, Source, read_pictures, spread
from yunmeng.encoders.onnx_quantising import Calibrated, as_fp16, only_output
from yunmeng.encoders.onnx_runtime import OnnxSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import EncoderSpec

__all__ = ["CALIBRATE_MOST", "LEAST", "Quantised", "Target", "quantise"]

Target: TypeAlias = Literal["int8", "fp16"]

LEAST: Final = 40
"""Pictures that INT8 is calibrated on at least: fewer do not show the ranges of the activations."""
CALIBRATE_MOST: Final = 160
"""Pictures that are used at most: more change little, and each layer that is tried takes longer."""

_HELD_BACK: Final = 4  # one picture of so many is not calibrated on
_GRAPH: Final = "picture.onnx"


@dataclass(frozen=True, slots=True)
class Quantised:
    """A quantised encoder.

    ``cosine`` is the mean between its vectors and those of the whole encoder, of pictures that it was not calibrated
    on, ``least`` the least of them; ``kept`` of ``layers`` are still in FP32; ``failed`` holds name and reason of
    pictures that could not be used; sizes are in bytes.
    """

    spec: "EncoderSpec"
    cosine: float
    least: float
    layers: int
    kept: int
    pictures: int
    failed: list[tuple[str, str]]
    size_before: int
    size: int


def quantise(
    name: str,
    to: Target,
    settings: "Settings",
    pictures: Sequence[Source],
    *,
    new_name: str | None = None,
    on_encoded: OnEncoded = lambda _done, _total: None,
    on_tried: OnEncoded = lambda _done, _total: None,
) -> Quantised:
    """Quantise the network for pictures of an encoder, and keep the result as a model.

    Args:
        name: A built-in encoder, or a model that was added.
        to: int8 or fp16.
        settings: Say where models lie.
        pictures: At least `LEAST`, of the kind that will be searched; up to `CALIBRATE_MOST` are used, from all.
        new_name: By default the encoder's, with ``-int8`` or ``-fp16``.
        on_encoded: Called as pictures are read.
        on_tried: Called as layers are tried in FP32.

    Raises:
        EncoderError: The encoder cannot be quantised, the name is taken, or there are too few pictures.
    """
    encoder = load(name, settings)
    before, graph = network_of(name, settings)
    target = new_name or f"{name}-{to}"
    with workplace(target, settings) as place, tempfile.TemporaryDirectory() as drafts:
        used, failed = read_pictures(encoder, spread(pictures, CALIBRATE_MOST), settings, LEAST, on_encoded)
        held, rest = used[::_HELD_BACK], [one for index, one in enumerate(used) if index % _HELD_BACK]
        exact = encoder.encode(held)
        how = f"in INT8, calibrated on {len(rest)} pictures" if to == "int8" else "in FP16"
        after = before.remade_alike(encoder.spec, target, how, _GRAPH)
        plain, file = Path(drafts) / "plain.onnx", place.folder / _GRAPH
        only_output(graph, before.picture.output, plain)

        def likeness(graph: Path) -> "NDArray[np.float32]":
            draft = DescribedEncoder(after, OnnxSession(graph, settings))
            return np.asarray((draft.encode(held) * exact).sum(axis=1))

        layers, kept = 0, 0
        if to == "fp16":
            as_fp16(plain, file)
        else:
            calibrated = Calibrated(plain, [as_input(one[None], before.picture) for one in rest], Path(drafts))
            layers = calibrated.layers
            kept = calibrated.write(file, lambda graph: float(likeness(graph).mean()), on_tried)
        cosines = likeness(file)
        place.bring_words(before)
        spec = place.finish(after)
    return Quantised(
        spec=spec,
        cosine=float(cosines.mean()),
        least=float(cosines.min()),
        layers=layers,
        kept=kept,
        pictures=len(used),
        failed=failed,
        size_before=_size(graph),
        size=(model_folder(target, settings) / _GRAPH).stat().st_size,
    )


def _size(graph: bytes | Path) -> int:
    if isinstance(graph, bytes):
        return len(graph)
    return sum(file.stat().st_size for file in graph.parent.iterdir() if file.name.startswith(graph.name))
