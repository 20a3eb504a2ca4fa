"""OpenCV, imported where it is first needed: it takes a while, and is not always there."""

from typing import Any

from yunmeng.errors import MissingExtra

__all__ = ["opencv"]


def opencv() -> Any:
    """Return the module ``cv2``. Raises `MissingExtra`."""
    try:
        import cv2
    except ImportError as exc:
        raise MissingExtra("looking where two pictures match", "copies") from exc
    return cv2
