"""Local features of pictures that were examined before, kept in memory: the search for them is half of a check."""

import threading
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache

from yunmeng.copies.features import TARGET_SIDE, CompactFeatures, LocalFeatures, compact_features

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["RememberedFeatures"]

_OVERHEAD: Final = 1_000  # bytes of the objects around the numbers


class RememberedFeatures:
    """Keeps the features of the pictures that were used last, up to ``max_bytes``; 0 keeps none. Threads may share it.

    A picture is known by its pixels, so that the features are always those that would be computed anew.
    """

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[bytes, CompactFeatures] = LRUCache(max_bytes, lambda kept: kept.nbytes + _OVERHEAD)

    def of(self, image: "Image.Image") -> LocalFeatures:
        """Return the features of a picture of the library, at `TARGET_SIDE`. Raises `MissingExtra`."""
        if self._kept.maxsize == 0:
            return compact_features(image, TARGET_SIDE).expanded()
        key = blake2b(image.tobytes(), key=f"{image.mode} {image.size}".encode(), digest_size=16).digest()
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            kept = compact_features(image, TARGET_SIDE)
            with self._lock:
                if kept.nbytes + _OVERHEAD <= self._kept.maxsize:
                    self._kept[key] = kept
        return kept.expanded()
