"""The grid of regions that a picture is cut into."""

from yunmeng.types import Region

__all__ = ["grid"]


def grid(width: int, height: int) -> tuple[Region, ...]:
    """Overlapping squares in fractions."""
    return tuple(
        Region(x * (1 - side) / (n - 1), y * (1 - side) / (n - 1), side, side)
        for n, side in ((2, 0.6), (3, 0.4))
        for y in range(n)
        for x in range(n)
    )
