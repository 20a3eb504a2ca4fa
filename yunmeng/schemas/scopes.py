"""Scopes: what a key of the HTTP API may do, and whose it is."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

__all__ = ["SCOPES", "Caller", "Scope", "allows"]

Scope: TypeAlias = Literal["search", "write", "admin"]
"""search: ask and look; write: add, change and delete pictures as well; admin: import from the server's disk too."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""Each includes those before it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. ``name`` and ``id`` are those of the key, None where none is demanded."""

    scope: Scope
    name: str | None = None
    id: str | None = None


def allows(granted: Scope, needed: Scope) -> bool:
    """Whether who was ``granted`` one scope may do what ``needed`` another."""
    return SCOPES.index(granted) >= SCOPES.index(needed)
