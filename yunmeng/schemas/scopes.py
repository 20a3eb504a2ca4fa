"""Scopes: what a key of the HTTP API allows, and the caller who holds it."""

from dataclasses import dataclass
from typing import get_args

from yunmeng.types import Scope

__all__ = ["Caller", "allowed", "allows"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request. ``name`` and ``id`` are of its key, None where no key is needed."""

    scope: Scope
    name: str | None = None
    id: str | None = None


def allows(granted: Scope, needed: Scope) -> bool:
    """Return whether a caller with the scope ``granted`` may do what needs the scope ``needed``."""
    return needed in allowed(granted)


def allowed(granted: Scope | None) -> list[Scope]:
    """Return the scope ``granted`` after all scopes that it includes; an empty list for None."""
    scopes: list[Scope] = [*get_args(Scope)]
    return [] if granted is None else scopes[: scopes.index(granted) + 1]
