"""The one place where FAISS is imported."""

from typing import Any

from yunmeng.errors import MissingExtra

__all__ = ["faiss"]


def faiss() -> Any:
    """Return the module ``faiss``. Raises `MissingExtra`."""
    try:
        import faiss as module
    except ImportError as exc:
        raise MissingExtra("exact search and the search for duplicates", "copies") from exc
    return module
