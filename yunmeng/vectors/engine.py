"""The one place where FAISS is imported."""

from typing import Any

from yunmeng.errors import MissingExtra

__all__ = ["faiss"]


def faiss(what: str = "exact search and the search for duplicates", extra: str = "copies") -> Any:
    """Return the module ``faiss``. Raises `MissingExtra`, which says that ``what`` needs the ``extra``."""
    try:
        import faiss as module
    except ImportError as exc:
        raise MissingExtra(what, extra) from exc
    return module
