"""Tables of the register of works: entries, each with its leaf hash, and the head of their Merkle tree."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import NULLTYPE

from yunmeng.apps.copyright.merkle import DIGEST, EMPTY_ROOT, appended, leaf_hash, peaks_root
from yunmeng.apps.copyright.types import Entry, TreeHead
from yunmeng.apps.copyright.watching import fetched as _fetched  # noqa: F401  this app's other tables
from yunmeng.apps.copyright.watching import tables as _findings  # noqa: F401  this app's other tables
from yunmeng.apps.copyright.watching import watches as _watches  # noqa: F401  this app's other tables
from yunmeng.errors import Busy, StateError
from yunmeng.state.database import State
from yunmeng.state.tables import Base

__all__ = ["FIRST_PREVIOUS", "TOUCHED", "RawEntry", "RawHead", "RegisterTables", "canonical", "split"]

FIRST_PREVIOUS = "0" * (2 * DIGEST)
"""What the first entry names as the hash of the one before it."""

_BATCH = 1000  # rows that are read together
TOUCHED = "the register of works was touched: yunmeng copyright verify says where"


class RegisterEntryRow(Base):
    """One entry: its content as canonical JSON, byte for byte as it was hashed, and the hash."""

    __tablename__ = "copyright_entries"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class RegisterHeadRow(Base):
    """The tree head: one row, with what it takes to append without reading the entries."""

    __tablename__ = "copyright_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]
    root: Mapped[bytes] = mapped_column(LargeBinary)
    peaks: Mapped[bytes] = mapped_column(LargeBinary)


# without the checks of SQLAlchemy's types: somebody may have put anything there
_RAW_ENTRY = [type_coerce(column, NULLTYPE) for column in (RegisterEntryRow.content, RegisterEntryRow.leaf)]
_RAW_HEAD = [
    type_coerce(column, NULLTYPE) for column in (RegisterHeadRow.size, RegisterHeadRow.root, RegisterHeadRow.peaks)
]


class RawEntry(NamedTuple):
    """A row as it is in the database."""

    number: int
    content: Any
    leaf: Any


class RawHead(NamedTuple):
    """The row of the tree head as it is in the database."""

    id: int
    size: Any
    root: Any
    peaks: Any


class RegisterTables:
    """The register of one library. Entries are only ever added."""

    def __init__(self, state: State) -> None:
        self._state = state

    def append(self, contents: Sequence[Mapping[str, Any]], size: int | None = None) -> list[Entry]:
        """Append entries, which get their numbers, the time, and the hash of the entry before each.

        On return they survive a power cut. Raises `StateError` where the end of the register was touched, and `Busy` if
        ``size`` is given and there are not that many entries.
        """
        with self._state.transaction(durable=True) as session:
            count, peaks, previous = _end(session)
            if size not in (None, count):
                raise Busy("something was registered meanwhile: try again")
            added = []
            for content in contents:
                number = count + 1
                whole = {**content, "number": number, "previous": previous, "time": _now()}
                written = canonical(whole)
                leaf = leaf_hash(written)
                session.add(RegisterEntryRow(number=number, content=written, leaf=leaf))
                added.append(Entry(whole, leaf))
                peaks, count, previous = appended(peaks, count, leaf), number, leaf.hex()
            session.merge(RegisterHeadRow(id=1, size=count, root=peaks_root(peaks), peaks=b"".join(peaks)))
        return added

    def head(self) -> TreeHead:
        """Return the tree head that is kept."""
        with self._state.reading() as session:
            row = session.get(RegisterHeadRow, 1)
            return TreeHead(0, EMPTY_ROOT) if row is None else TreeHead(row.size, row.root)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries behind number ``after``, in order. Raises `StateError` where one was touched."""
        return map(_entry, self.raw_entries(after))

    def some(self, numbers: Sequence[int]) -> list[Entry]:
        """Return the entries with these numbers that exist, in order. Raises `StateError` where one was touched."""
        number = RegisterEntryRow.number
        with self._state.reading() as session:
            query = select(number, *_RAW_ENTRY).where(number.in_(numbers)).order_by(number)
            return [_entry(RawEntry._make(row)) for row in session.execute(query)]

    def leaves(self) -> list[bytes]:
        """Return the leaf hashes that are kept, in order."""
        with self._state.reading() as session:
            return list(session.scalars(select(RegisterEntryRow.leaf).order_by(RegisterEntryRow.number)))

    def raw_entries(self, after: int | None = None) -> Iterator[RawEntry]:
        """Yield the rows of entries by number, as they are, behind number ``after``."""
        number = RegisterEntryRow.number
        query = select(number, *_RAW_ENTRY).order_by(number).limit(_BATCH)
        while True:
            with self._state.reading() as session:
                rows = session.execute(query if after is None else query.where(number > after)).all()
            yield from (RawEntry._make(row) for row in rows)
            if len(rows) < _BATCH:
                return
            after = rows[-1][0]

    def raw_heads(self) -> list[RawHead]:
        """Return the rows of tree heads as they are; there should be one, with the id 1."""
        query = select(RegisterHeadRow.id, *_RAW_HEAD).order_by(RegisterHeadRow.id)
        with self._state.reading() as session:
            return [RawHead._make(found) for found in session.execute(query)]


def _entry(row: RawEntry) -> Entry:
    if not isinstance(row.content, bytes) or leaf_hash(row.content) != row.leaf:
        raise StateError(TOUCHED)
    return Entry(json.loads(row.content), row.leaf)


def split(peaks: bytes) -> list[bytes]:
    """Return the peaks of a tree as a row of the tree head holds them."""
    return [peaks[at : at + DIGEST] for at in range(0, len(peaks), DIGEST)]


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of ``content``, as RFC 8785 defines it, in UTF-8.

    Names are sorted and ASCII, there are no blanks, and numbers are integers: all that RFC 8785 says beyond that is
    about other numbers and names.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def _end(session: Session) -> tuple[int, list[bytes], str]:
    """Return the size of the register, its peaks, and what the next entry is to name as the hash of the one before it.

    Raises `StateError` if they do not fit.
    """
    heads = [RawHead._make(found) for found in session.execute(select(RegisterHeadRow.id, *_RAW_HEAD))]
    newest = select(RegisterEntryRow.number, *_RAW_ENTRY).order_by(RegisterEntryRow.number.desc()).limit(1)
    last = session.execute(newest).first()
    if not heads and last is None:
        return 0, [], FIRST_PREVIOUS
    if len(heads) != 1 or last is None:
        raise StateError(TOUCHED)
    head = heads[0]
    number, content, leaf = RawEntry._make(last)
    types = (head.size, int), (head.root, bytes), (head.peaks, bytes), (content, bytes), (leaf, bytes)
    if head.id != 1 or head.size != number or not all(isinstance(value, kind) for value, kind in types):
        raise StateError(TOUCHED)
    peaks = split(head.peaks)
    if len(peaks) != head.size.bit_count() or peaks_root(peaks) != head.root or leaf_hash(content) != leaf:
        raise StateError(TOUCHED)
    return number, peaks, leaf.hex()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
