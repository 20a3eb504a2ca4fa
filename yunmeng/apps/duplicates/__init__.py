"""Near-duplicates of a whole library: found by fingerprint and by vector, verified, in groups. Needs ``copies``."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.apps.duplicates.service import Duplicates

__all__ = ["Duplicates"]


def __getattr__(name: str) -> object:
    # the client imports this app's schemas, and the command line its command, without NumPy
    if name == "Duplicates":
        from yunmeng.apps.duplicates.service import Duplicates

        return Duplicates
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
