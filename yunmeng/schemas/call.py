"""A request to the API, and how its answer is read. Nothing is sent here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

__all__ = ["Answer", "Call", "Item", "Pages", "Part"]

Answer = TypeVar("Answer")
Item = TypeVar("Item")

Part: TypeAlias = tuple[str, tuple[str | None, bytes]]
"""A field of a multipart form: its name, the name of the file (None: it is no file), its content."""


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A request, and how to read the body of its answer."""

    method: str
    path: str
    read: Callable[[bytes], Answer]
    params: Mapping[str, str | int] | None = None
    json: Mapping[str, object] | None = None
    parts: Sequence[Part] | None = None


@dataclass(frozen=True)
class Pages(Generic[Answer, Item]):
    """A list in pages: the call for the first, the items of an answer, and the call for the page behind it, if any."""

    first: Call[Answer]
    items: Callable[[Answer], Iterable[Item]]
    following: Callable[[Answer], Call[Answer] | None]
