"""Shopping by photo: a catalogue of products, each with its pictures, found by picture, by words, or by both."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.apps.shop.service import Shop

__all__ = ["Shop"]


def __getattr__(name: str) -> object:
    # the client imports this app's schemas, and the command line its command, without NumPy
    if name == "Shop":
        from yunmeng.apps.shop.service import Shop

        return Shop
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
