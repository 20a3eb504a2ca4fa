"""An open library's duplicates: looking for them, discarding them, bringing them back."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.errors import PictureError, QueryError, RecordNotFound, StateError, StoreError, YunmengError
from yunmeng.library.reader import LibraryReader
from yunmeng.net.fetch import is_url
from yunmeng.state import Backup, DuplicateCounts, Duplicates, DuplicateSearch, KeptGroup, KeptMember
from yunmeng.stores import Gate, admit
from yunmeng.stores.zvec.disk import ROOM_TO_DELETE, check_room
from yunmeng.types import Attributes, Record

if TYPE_CHECKING:
    from yunmeng.apps.duplicates import DuplicateReport, DuplicateTally, KeepRule

__all__ = ["Deduping", "FoundGroup", "FoundMember"]

_BYTES_OF_NUMBER: Final = 2  # of the vectors in the file that a search for duplicates makes


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A picture of a group: whether it is proposed or decided to stay (``keep``), and is ``there`` in the library now.

    ``reason`` is same-file, same-picture or edited-copy, ``score`` its cosine to the nearest other one.
    """

    record: Record
    keep: bool
    there: bool
    reason: str
    score: float


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group as the library keeps it, the picture first that was proposed to stay.

    Pictures that were deleted otherwise since it was found are left out.
    """

    number: int
    decided: bool
    members: Sequence[FoundMember]


class Deduping(LibraryReader):
    """The duplicates that were found in a library, and what became of them."""

    _changes: Gate

    def find_duplicates(
        self,
        keep: "KeepRule" = "largest",
        on_tally: "Callable[[DuplicateTally], None] | None" = None,
        stop: threading.Event | None = None,
    ) -> "DuplicateReport":
        """Look for groups of pictures that are the same, and keep them for `duplicate_groups`. Changes no picture.

        ``keep`` says which one of each group is proposed to stay: largest (by pixels within a plain frame, then bytes),
        smallest, oldest or newest (by the time of its file), sharpest. Files with the same bytes are the same, and
        pictures with close fingerprints and vectors; other pairs with close vectors are read and laid over each other.
        Where the files are gone, or on the web, only vectors that are very close count. Setting ``stop`` ends it,
        without groups.

        Raises `MissingExtra`, and `StoreError` where the disk is too full for it.
        """
        from yunmeng.apps.duplicates import find_duplicates

        generation, state = self._generation, self._duplicates
        try:
            needed = generation.store.count() * generation.config.encoder.dim * _BYTES_OF_NUMBER
            check_room(self._resources.paths.folder, needed + ROOM_TO_DELETE)
            state.begin()
            report = find_duplicates(
                generation.store,
                generation.config.encoder.dim,
                self._at_hand,
                self._resources.paths.cache,
                keep=keep,
                max_pixels=self._resources.settings.max_pixels,
                on_tally=on_tally or (lambda _: None),
                stop=stop,
            )
            if report.interrupted:
                state.finish("cancelled")
                return report
            numbers = state.replace(
                [KeptMember(one.id, one.reason, one.score, one.id == group.keep) for one in group.members]
                for group in report.groups
            )
        except BaseException as exc:
            failed = StoreError(f"the search for duplicates failed: {exc}") if isinstance(exc, OSError) else exc
            ended = isinstance(exc, KeyboardInterrupt)
            told = str(failed) if isinstance(failed, YunmengError) else f"an error inside: {type(exc).__name__}"
            with suppress(StateError):  # on a full disk that cannot be written either
                state.finish("cancelled" if ended else "failed", None if ended else told)
            if failed is not exc:
                raise failed from exc
            raise
        state.finish("done")
        return replace(report, numbers=numbers)

    def duplicate_search(self) -> tuple[DuplicateSearch, DuplicateCounts]:
        """How the last search for duplicates ended, and what there is of groups."""
        return self._duplicates.search(), self._duplicates.counts()

    def duplicate_groups(self, offset: int = 0, limit: int = 100, *, open: bool | None = None) -> list[FoundGroup]:
        """Groups that were found, the largest first; with ``open`` those that nobody has decided on, or the others.

        Groups of earlier searches are among them as long as there is something to bring back.
        """
        return self._with_records(self._duplicates.groups(offset, limit, open=open))

    def decide_duplicates(
        self, number: int, discard: Collection[str], moved: Mapping[str, str] | None = None
    ) -> FoundGroup:
        """Take pictures of a group out of the library; the others stay. Their files are left alone.

        All that is needed to bring them back is kept, see `undo_duplicates`. ``moved`` says to what paths the files of
        pictures were moved, by id. Raises `RecordNotFound`, and `QueryError` where the group is decided already, or a
        picture is none of it.
        """
        with self._changes:
            group = self._group(number)
            if group.decided:
                raise QueryError(f"group {number} is decided already: undo that first")
            unknown = set(discard) - {member.id for member in group.members}
            if unknown:
                raise QueryError(f"{min(unknown)} is no picture of group {number}")
            records = self._generation.store.get(list(discard), vectors=True)
            backups = {id: self._backup(record, (moved or {}).get(id)) for id, record in records.items()}
            self._duplicates.decide(number, backups, discard)
            self._generation.store.delete(list(records))
        return self._with_records([self._group(number)])[0]

    def undo_duplicates(self, number: int) -> FoundGroup:
        """Bring back what was discarded of a group, which is then open again.

        A picture that came back otherwise meanwhile stays as it is. Raises `RecordNotFound`, and `PictureError` where
        a picture has to be encoded again and its file is gone.
        """
        with self._changes:
            group = self._group(number)
            backups = {member.id: member.backup for member in group.members if member.backup is not None}
            there = self._generation.store.get(list(backups))
            for id, backup in backups.items():
                if id not in there:
                    self._restore(backup)
            self._duplicates.reopen(number)
        return self._with_records([self._group(number)])[0]

    def tag(self, ids: Sequence[str], attributes: Attributes) -> None:
        """Give pictures these attributes beside their own. Unknown ids are passed over. Raises `PictureError`."""
        fitted = admit(attributes, self.schema)
        with self._changes:
            records = self._generation.store.get(ids, vectors=True).values()
            self._generation.store.upsert(
                [replace(record, attributes={**record.attributes, **fitted}) for record in records]
            )

    @cached_property
    def _duplicates(self) -> Duplicates:
        return Duplicates(self.state)

    def _group(self, number: int) -> KeptGroup:
        group = self._duplicates.group(number)
        if group is None:
            raise RecordNotFound(f"there is no group {number}: look for duplicates again")
        return group

    def _at_hand(self, id: str) -> bytes:
        """A picture's file; those on the web are judged without, as a search may come to many thousands of them."""
        record = self.get(id)
        if is_url(record.uri):
            raise RecordNotFound(f"{id} is on the web")
        return self._resources.media.read(record)

    def _with_records(self, groups: Sequence[KeptGroup]) -> list[FoundGroup]:
        records = self.get_many([member.id for group in groups for member in group.members])

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

    def _backup(self, record: Record, place: str | None) -> Backup:
        assert record.vector is not None
        held = asdict(replace(record, vector=None, regions=None, uri=place or record.uri))
        return Backup({"edition": self.config.generation, **held}, np.asarray(record.vector, "<f4").tobytes())

    def _restore(self, backup: Backup) -> None:
        record = _record(backup)
        fits = backup.record["edition"] == self.config.generation
        if not fits or self.config.regions:  # it is encoded again, which its parts need, and vectors of another encoder
            try:
                self._generation.additions.add(record.uri, record.id, record.attributes)
            except PictureError:
                if not fits:
                    raise
            else:
                return
        vector = np.frombuffer(backup.vector, "<f4")
        self._generation.store.upsert([replace(record, vector=vector / np.linalg.norm(vector))])


def _record(backup: Backup) -> Record:
    held = {name: value for name, value in backup.record.items() if name != "edition"}
    return Record(**held)
