"""云梦: image search for a folder, a catalogue or an archive."""

from importlib import import_module
from typing import TYPE_CHECKING

from yunmeng.version import __version__

if TYPE_CHECKING:
    from yunmeng.client import AsyncClient, Client
    from yunmeng.config import Settings
    from yunmeng.errors import FilterError, LibraryError, PictureError, YunmengError
    from yunmeng.library import Library
    from yunmeng.types import Hit, QueryPart, Record, Region

__all__ = [
    "AsyncClient",
    "Client",
    "FilterError",
    "Hit",
    "Library",
    "LibraryError",
    "PictureError",
    "QueryPart",
    "Record",
    "Region",
    "Settings",
    "YunmengError",
    "__version__",
]

_HOMES = {
    "AsyncClient": "client",
    "Client": "client",
    "FilterError": "errors",
    "Hit": "types",
    "Library": "library",
    "LibraryError": "errors",
    "PictureError": "errors",
    "QueryPart": "types",
    "Record": "types",
    "Region": "types",
    "Settings": "config",
    "YunmengError": "errors",
}


def __getattr__(name: str) -> object:
    # `import yunmeng`, and with it `yunmeng --help`, must not pay for NumPy and the stores.
    if name in _HOMES:
        return getattr(import_module(f"yunmeng.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'yunmeng' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
