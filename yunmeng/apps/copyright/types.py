"""Values of the register of works."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final, Literal, Self, TypeAlias

from yunmeng.errors import QueryError
from yunmeng.types import Alignment, Difference, Edit, Failure, Verdict

__all__ = [
    "Details",
    "Entry",
    "EntryKind",
    "Language",
    "Problem",
    "ProblemKind",
    "RegisterReport",
    "ReportFormat",
    "TreeHead",
    "Verification",
    "Work",
    "WorkMatch",
]

EntryKind: TypeAlias = Literal["registration", "correction", "withdrawal", "timestamp"]
"""The kinds of entries. All but a registration refer to earlier entries, which stay as they are."""

ProblemKind: TypeAlias = Literal["changed", "missing", "moved", "rewritten", "head", "timestamp", "earlier"]
"""What `verify` finds wrong.

- ``changed``: an entry does not have the hash that is kept beside it.
- ``missing``: an entry is not there.
- ``moved``: a row holds an entry that belongs elsewhere.
- ``rewritten``: an entry has its own hash, but not the one by which the rest of the register knows it.
- ``head``: the tree head is not that of the entries.
- ``timestamp``: a time stamp is not of the entries before it, or not of its authority.
- ``earlier``: the entries are not those of an earlier tree head.
"""

ReportFormat: TypeAlias = Literal["html", "pdf"]
Language: TypeAlias = Literal["en", "zh"]

_LONGEST: Final = {"owner": 1000, "title": 1000, "licence": 1000, "date": 10, "notes": 10_000}
_DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Details:
    """The words of an entry: who owns a work, and what it is. ``date`` is YYYY, YYYY-MM or YYYY-MM-DD, or empty."""

    owner: str
    title: str = ""
    licence: str = ""
    date: str = ""
    notes: str = ""

    def checked(self) -> Self:
        """Return them without blanks around them. Raises `QueryError` for what the register does not take."""
        told = {name: getattr(self, name).strip() for name in _LONGEST}
        if not told["owner"]:
            raise QueryError("the owner of the work is missing")
        for name, text in told.items():
            if len(text) > _LONGEST[name]:
                raise QueryError(f"{name} is longer than {_LONGEST[name]:,} characters")
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise QueryError(f"{name} has bytes that are no text")
        if told["date"] and not _is_date(told["date"]):
            raise QueryError(f"the date {told['date']!r} is none: write YYYY, YYYY-MM or YYYY-MM-DD")
        return type(self)(**told)

    def as_dict(self) -> dict[str, str]:
        """Return them by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the register, which never changes. ``content`` is what is hashed, ``leaf`` its leaf hash."""

    content: Mapping[str, Any]
    leaf: bytes

    @property
    def number(self) -> int:
        """Its place in the register, from 1."""
        return int(self.content["number"])

    @property
    def kind(self) -> EntryKind:
        """Its kind."""
        kind: EntryKind = self.content["kind"]
        return kind


@dataclass(frozen=True, slots=True)
class Work:
    """A registered work as its newest entry says. ``number`` is that of its first entry.

    ``picture`` holds what proves which picture it is: id (when it was registered), sha256, part, width, height,
    phash, pdq, vector (SHA-256 of its numbers, little-endian float32), encoder. ``entries`` are the numbers of all its
    entries; ``registered_at`` is the time of the first one, UTC.
    """

    number: int
    details: Details
    picture: Mapping[str, Any]
    registered_at: str
    entries: tuple[int, ...]
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The number of entries, and the root of their Merkle tree."""

    size: int
    root: bytes

    def as_dict(self) -> dict[str, Any]:
        """Return it as values for JSON."""
        return {"size": self.size, "root": self.root.hex()}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with the register: in which entry, or entries up to ``last``; None: in the tree head."""

    kind: ProblemKind
    number: int | None
    detail: str
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of recomputing the register. ``head`` is the tree head of the entries as they are now.

    ``timestamps`` counts the time stamps, ``unchecked`` those whose signature could not be checked here.
    """

    head: TreeHead
    problems: Sequence[Problem]
    timestamps: int = 0
    unchecked: int = 0

    @property
    def sound(self) -> bool:
        """True where nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class RegisterReport:
    """The result of a bulk registration.

    ``works`` are the numbers of the new works; ``skipped`` counts pictures that were registered already with the same
    details.
    """

    works: Sequence[int]
    skipped: int
    failed: Sequence[Failure]
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class WorkMatch:
    """A work that a picture was made from, most likely.

    ``chance`` is that of `Library.match`; the rest is what `Library.compare` says. ``verdict`` is None where the work's
    file cannot be read any more; ``id`` and ``uri`` are of its picture in the library.
    """

    work: Work
    id: str
    uri: str
    chance: float
    verdict: Verdict | None
    difference: Difference | None = None
    edits: tuple[Edit, ...] = ()
    alignment: Alignment | None = None
