"""Pictures with one thing in them, and where it is."""

import numpy as np

from yunmeng.types import Pixels, Region

__all__ = ["overlap", "scene"]


def scene(*regions: Region, size: tuple[int, int] = (300, 400), seed: int = 0) -> Pixels:
    """Bright ellipses that fill ``regions`` of a darker, slightly noisy ground; ``size`` is height and width."""
    height, width = size
    random = np.random.default_rng(seed)
    ground = random.normal((70, 110, 80), 4, (height, width, 3))
    y, x = np.mgrid[:height, :width]
    for region in regions:
        across = ((x + 0.5) / width - region.x - region.w / 2) / (region.w / 2)
        down = ((y + 0.5) / height - region.y - region.h / 2) / (region.h / 2)
        ground[across**2 + down**2 <= 1] = (235, 205, 50)
    return ground.clip(0, 255).astype(np.uint8)


def overlap(a: Region, b: Region) -> float:
    """Intersection over union."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a.w * a.h + b.w * b.h - shared)
