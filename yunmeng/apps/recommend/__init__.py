"""Pictures that a user may like, because of what this user and others did with pictures."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yunmeng.apps.recommend.service import Recommender

__all__ = ["Recommender"]


def __getattr__(name: str) -> object:
    # the client imports this app's schemas, and the command line its commands, without NumPy
    if name == "Recommender":
        from yunmeng.apps.recommend.service import Recommender

        return Recommender
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
