"""Scopes: what a key of the HTTP API may do, and whose it is."""

from dataclasses import dataclass
from typing import get_args

from yunmeng.types import Scope

__all__ = ["Caller", "allowed", "allows"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. ``name`` and ``id`` are those of the key, None where none is demanded."""

    scope: Scope
    name: str | None = None
    id: str | None = None


def allows(granted: Scope, needed: Scope) -> bool:
    """Return whether who was ``granted`` one scope may do what ``needed`` another."""
    return needed in allowed(granted)


def allowed(granted: Scope | None) -> list[Scope]:
    """Return the scope that was ``granted``, behind those that it includes; none for None."""
    scopes: list[Scope] = [*get_args(Scope)]
    return [] if granted is None else scopes[: scopes.index(granted) + 1]
