"""A request to the API, and how its answer is read. Nothing is sent here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Call", "Pages", "Part"]

T = TypeVar("T")
A = TypeVar("A")

Part: TypeAlias = tuple[str, tuple[str | None, bytes]]
"""A field of a multipart form: its name, the name of the file (None: it is no file), its content."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how to read the body of its answer."""

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Mapping[str, str | int] | None = None
    json: Mapping[str, object] | None = None
    parts: Sequence[Part] | None = None


@dataclass(frozen=True)
class Pages(Generic[A, T]):
    """A list in pages: the call for the first, the items of an answer, and the call for the page behind it, if any."""

    first: Call[A]
    items: Callable[[A], Iterable[T]]
    following: Callable[[A], Call[A] | None]
