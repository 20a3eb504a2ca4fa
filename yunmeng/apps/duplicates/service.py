"""The duplicates of a library: find them, discard them, bring them back."""

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.apps.duplicates.search import find_duplicates
from yunmeng.apps.duplicates.tables import (
    Backup,
    DuplicateCounts,
    DuplicateSearch,
    DuplicateTables,
    KeptGroup,
    KeptMember,
)
from yunmeng.apps.duplicates.types import DuplicateReport, KeepRule, OnTally
from yunmeng.errors import PictureError, QueryError, RecordNotFound, StateError, StoreError, YunmengError
from yunmeng.net.fetch import is_url
from yunmeng.types import Record

if TYPE_CHECKING:
    from yunmeng.library.generation import Generation
    from yunmeng.library.library import Library

__all__ = ["Duplicates", "FoundGroup", "FoundMember"]

_BYTES_OF_NUMBER: Final = 2  # of the vectors in the file that a search for duplicates makes


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A picture of a group: ``keep`` says whether it is to stay, ``there`` whether it is in the library now.

    ``reason`` is same-file, same-picture or edited-copy, ``score`` its cosine to the nearest other one.
    """

    record: Record
    keep: bool
    there: bool
    reason: str
    score: float


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group as the library keeps it; first the picture that was proposed to stay.

    Pictures that have been deleted in another way since then are left out.
    """

    number: int
    decided: bool
    members: Sequence[FoundMember]


class Duplicates:
    """The duplicates of ``library``, which stays the caller's to close. Threads may share it.

    >>> duplicates = Duplicates(library)                                            # doctest: +SKIP
    >>> report = duplicates.find(keep="sharpest")                                   # doctest: +SKIP
    >>> for number, group in zip(report.numbers, report.groups):                    # doctest: +SKIP
    ...     duplicates.decide(number, [member.id for member in group.discard])
    """

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._tables = DuplicateTables(library.state)

    def find(
        self, keep: KeepRule = "largest", on_tally: OnTally | None = None, stop: threading.Event | None = None
    ) -> DuplicateReport:
        """Look for groups of pictures that are the same, and keep them for `groups`. Changes no picture.

        Files with the same bytes are the same, and pictures with close fingerprints and vectors; other pairs with close
        vectors are read and laid over each other. Where the files are gone, or on the web, only very close vectors
        count.

        Args:
            keep: Which picture of each group is proposed to stay: largest (by pixels within a plain frame, then bytes),
                smallest, oldest or newest (by the time of its file), sharpest.
            on_tally: Called as the search goes on.
            stop: Ends the search, without groups, when it is set.

        Raises `MissingExtra`, and `StoreError` where the disk is too full for it.
        """
        try:
            return self._found(keep, on_tally or (lambda _: None), stop)
        except BaseException as exc:
            failed = StoreError(f"the search for duplicates failed: {exc}") if isinstance(exc, OSError) else exc
            ended = isinstance(exc, KeyboardInterrupt)
            told = str(failed) if isinstance(failed, YunmengError) else f"an error inside: {type(exc).__name__}"
            with suppress(StateError):  # on a full disk that cannot be written either
                self._tables.finish("cancelled" if ended else "failed", None if ended else told)
            if failed is not exc:
                raise failed from exc
            raise

    def _found(self, keep: KeepRule, on_tally: OnTally, stop: threading.Event | None) -> DuplicateReport:
        library, generation = self._library, self._library.generation
        dim = generation.config.encoder.dim
        generation.store.check_room(generation.store.count() * dim * _BYTES_OF_NUMBER)
        self._tables.begin()
        report = find_duplicates(
            generation.store,
            dim,
            self._at_hand,
            library.resources.paths.cache,
            keep=keep,
            max_pixels=library.settings.max_pixels,
            on_tally=on_tally,
            stop=stop,
        )
        if report.interrupted:
            self._tables.finish("cancelled")
            return report
        numbers = self._tables.replace(
            [KeptMember(one.id, one.reason, one.score, one.id == group.keep) for one in group.members]
            for group in report.groups
        )
        self._tables.finish("done")
        return replace(report, numbers=numbers)

    def last_search(self) -> tuple[DuplicateSearch, DuplicateCounts]:
        """Return the last search and how it ended, and the counts of groups."""
        return self._tables.search(), self._tables.counts()

    def groups(self, offset: int = 0, limit: int = 100, *, open: bool | None = None) -> list[FoundGroup]:
        """Return groups that were found, the largest first; ``open``: True for undecided ones, False for the others,
        None for all.

        Groups of earlier searches are among them as long as pictures of theirs can be brought back.
        """
        return self._with_records(self._tables.groups(offset, limit, open=open))

    def decide(self, number: int, discard: Collection[str], moved: Mapping[str, str] | None = None) -> FoundGroup:
        """Take pictures of a group out of the library; the others stay. Their files are left alone.

        What is needed to bring them back is kept, see `undo`.

        Args:
            number: The number of the group.
            discard: The ids of the pictures to take out.
            moved: New paths by id, of pictures whose files the caller has moved.

        Raises `RecordNotFound`, and `QueryError` if the group is already decided or a picture does not belong to it.
        """
        with self._library.generations.changing():
            group = self._group(number)
            if group.decided:
                raise QueryError(f"group {number} is decided already: undo that first")
            unknown = set(discard) - {member.id for member in group.members}
            if unknown:
                raise QueryError(f"{min(unknown)} is no picture of group {number}")
            generation = self._library.generation
            records = generation.store.get(list(discard), vectors=True)
            made_by = generation.config.generation
            backups = {id: _backup(record, made_by, (moved or {}).get(id)) for id, record in records.items()}
            self._tables.decide(number, backups, discard)
            generation.store.delete(list(records))
        return self._with_records([self._group(number)])[0]

    def undo(self, number: int) -> FoundGroup:
        """Bring back what was discarded of a group, which is then open again.

        A picture that has been added again in the meantime stays as it is. Raises `RecordNotFound`, and `PictureError`
        where a picture has to be encoded again and its file is gone.
        """
        with self._library.generations.changing():
            group = self._group(number)
            backups = {member.id: member.backup for member in group.members if member.backup is not None}
            generation = self._library.generation
            there = generation.store.get(list(backups))
            for id, backup in backups.items():
                if id not in there:
                    _restore(backup, generation)
            self._tables.reopen(number)
        return self._with_records([self._group(number)])[0]

    def _group(self, number: int) -> KeptGroup:
        group = self._tables.group(number)
        if group is None:
            raise RecordNotFound(f"there is no group {number}: look for duplicates again")
        return group

    def _at_hand(self, id: str) -> bytes:
        """Read a picture's file; those on the web are judged without, as there may be many thousands of them."""
        record = self._library.get(id)
        if is_url(record.uri):
            raise RecordNotFound(f"{id} is on the web")
        return self._library.resources.media.read(record)

    def _with_records(self, groups: Sequence[KeptGroup]) -> list[FoundGroup]:
        records = self._library.reader.get_many([member.id for group in groups for member in group.members])

        def found(member: KeptMember) -> FoundMember | None:
            record = records.get(member.id)
            if record is None and member.backup is not None:
                record = _record(member.backup)
            there = member.id in records
            return None if record is None else FoundMember(record, member.keep, there, member.reason, member.score)

        return [
            FoundGroup(group.number, group.decided, [one for member in group.members if (one := found(member))])
            for group in groups
        ]


def _backup(record: Record, generation: int, place: str | None) -> Backup:
    """Return all of a record that was made in ``generation``, and whose file was moved to ``place``."""
    assert record.vector is not None
    held = asdict(replace(record, vector=None, regions=None, uri=place or record.uri))
    return Backup({"edition": generation, **held}, np.asarray(record.vector, "<f4").tobytes())


def _restore(backup: Backup, generation: "Generation") -> None:
    record, config = _record(backup), generation.config
    fits = backup.record["edition"] == config.generation
    if not fits or config.regions:  # it is encoded again, for another encoder or for its parts
        try:
            generation.additions.add(record.uri, record.id, record.attributes, record.part)
        except PictureError:
            if not fits:
                raise
        else:
            return
    vector = np.frombuffer(backup.vector, "<f4")
    generation.store.upsert([replace(record, vector=vector / np.linalg.norm(vector))])


def _record(backup: Backup) -> Record:
    held = {name: value for name, value in backup.record.items() if name != "edition"}
    return Record(**held)
