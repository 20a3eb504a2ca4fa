"""A register of works that shows when it was touched, and pictures checked against it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works

__all__ = ["Works"]


def __getattr__(name: str) -> object:
    # the command line imports this app's commands without NumPy
    if name == "Works":
        from yunmeng.apps.copyright.service import Works

        return Works
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
