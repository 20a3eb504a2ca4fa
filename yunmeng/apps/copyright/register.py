"""The register of works of a library: register, correct, withdraw, prove, verify."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yunmeng.apps.copyright.audit import audit
from yunmeng.apps.copyright.bulk import registered, registrations
from yunmeng.apps.copyright.intake import Named, batches, named_pictures
from yunmeng.apps.copyright.ledger import Ledger, correction, registration, withdrawal
from yunmeng.apps.copyright.proofs import consistency, inclusion, whole_register
from yunmeng.apps.copyright.tables import TOUCHED, RegisterTables
from yunmeng.apps.copyright.timestamps import Stamper
from yunmeng.apps.copyright.types import Details, Entry, RegisterReport, TreeHead, Verification, Work
from yunmeng.errors import QueryError, RecordNotFound, StateError
from yunmeng.imaging.fingerprint import sha256
from yunmeng.net.fetch import is_url
from yunmeng.types import Failure, Record

if TYPE_CHECKING:
    from yunmeng.library.library import Library
    from yunmeng.types import OnTally

__all__ = ["Register"]


class Register:
    """The register of the works of ``library``. Threads may share it.

    It only grows: each entry holds the hash of the one before it, and all are leaves of a Merkle tree
    (RFC 6962), so that `verify` finds what was changed, and `prove` shows to others that an entry belongs to it.
    """

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._tables = RegisterTables(library.state)
        self._stamper = Stamper(library.settings)
        self._lock = threading.RLock()
        self._known = Ledger()

    def register(
        self,
        picture: str | Path | bytes | Record,
        *,
        owner: str,
        title: str = "",
        licence: str = "",
        date: str = "",
        notes: str = "",
    ) -> Work:
        """Register one work; on return the entry is durable.

        Args:
            picture: A path, a URL, a file's bytes, or the record of a picture of the library, which gets the others.
            owner: Who owns the work.
            title: Its title.
            licence: The terms under which it may be used.
            date: When it was made: YYYY, YYYY-MM or YYYY-MM-DD.
            notes: Anything else.

        Raises:
            QueryError: A detail is not as it must be, or the picture is registered already.
            PictureError: The picture cannot be used.
            StateError: The register was touched.
        """
        details = Details(owner, title, licence, date, notes).checked()
        record = self._library.get(self._id_of(picture), vector=True)
        with self._lock:
            if (known := self._ledger().of_picture(record.sha256)) is not None:
                raise QueryError(registered(known))
            return self._append(registration(details, record, self._library.config))

    def register_all(
        self,
        paths: Sequence[str | Path] = (),
        *,
        manifest: str | Path | None = None,
        defaults: Details,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
    ) -> RegisterReport:
        """Register all pictures of folders, files, manifests and lists of URLs.

        Pictures that the library lacks are indexed first, as `Library.index` does. Of a manifest, the columns owner,
        title, licence, date and notes are the details of each row. What is registered already with the same details is
        skipped, so that the same call goes on where an earlier one was stopped.

        Args:
            paths: What to register.
            manifest: A table of pictures with their details.
            defaults: The details of pictures about which the manifest says nothing; its ``owner`` may be empty.
            on_tally: Called while pictures are indexed.
            stop: Ends the run cleanly when set.

        Raises:
            SourceError: A path is not there.
            StateError: The register was touched.
        """
        stop = stop or threading.Event()
        named, failures = named_pictures(self._library, paths, manifest, defaults, on_tally, stop)
        works: list[int] = []
        skipped = 0
        for batch in batches(named):
            if stop.is_set():
                break
            new, same = self._register_batch(batch, failures)
            works += new
            skipped += same
        return RegisterReport(works, skipped, failures, stop.is_set())

    def correct(self, number: int, **changes: str) -> Work:
        """Say something else about a work: a new entry that names the old one. ``changes`` are details by name.

        Raises `RecordNotFound`, and `QueryError` for a work that was withdrawn or details that are not as they must be.
        """
        with self._lock:
            work = self._standing(number)
            details = replace(work.details, **changes).checked()
            return work if details == work.details else self._append(correction(work, details))

    def withdraw(self, number: int, notes: str = "") -> Work:
        """Take a work back: a new entry that names the old one, which stays. ``notes`` say why.

        Raises `RecordNotFound`, and `QueryError` for a work that was withdrawn already.
        """
        with self._lock:
            work = self._standing(number)
            return self._append(withdrawal(work, replace(work.details, notes=notes).checked().notes))

    def stamp(self) -> Entry:
        """Ask the authority of YUNMENG_TSA_URL to confirm the time of the tree head (RFC 3161): a new entry.

        Where nothing was registered since the last time stamp, this one is returned.

        Raises:
            QueryError: No authority is set, or nothing is registered.
            FetchError: The authority does not answer as it should.
            MissingExtra: The extra ``copyright`` is not installed.
        """
        with self._lock:
            ledger, head = self._ledger(), self._tables.head()
            if head.size == 0:
                raise QueryError("nothing is registered that could be stamped")
            if ledger.stamps and ledger.stamps[-1].number == head.size:
                return ledger.stamps[-1]
            (entry,) = self._tables.append([self._stamper.stamp(head)], head.size)
            return entry

    @property
    def stamps(self) -> bool:
        """True where the settings name an authority for time stamps."""
        return self._stamper.url is not None

    @property
    def last_stamp(self) -> Entry | None:
        """The newest time stamp, if there is one."""
        stamps = self._ledger().stamps
        return stamps[-1] if stamps else None

    def get(self, number: int) -> Work:
        """Return the work of this number. Raises `RecordNotFound`."""
        work = self._ledger().works.get(number)
        if work is None:
            raise RecordNotFound(f"there is no work {number}: yunmeng copyright list names them")
        return work

    def all(
        self, offset: int = 0, limit: int | None = None, *, owner: str | None = None, withdrawn: bool = False
    ) -> list[Work]:
        """Return works by number, from ``offset`` on: those of an ``owner`` only, and with or without ``withdrawn``."""
        found = [
            work
            for work in list(self._ledger().works.values())  # others may register meanwhile
            if (withdrawn or not work.withdrawn) and owner in (None, work.details.owner)
        ]
        return found[offset : None if limit is None else offset + limit]

    def history(self, number: int) -> list[Entry]:
        """Return all entries of a work, the oldest first. Raises `RecordNotFound`."""
        return self._tables.some(self.get(number).entries)

    def head(self) -> TreeHead:
        """Return the tree head: whoever keeps it elsewhere can `verify` later that nothing before it was changed."""
        return self._tables.head()

    def verify(self, earlier: TreeHead | None = None) -> Verification:
        """Recompute the whole register, and tell what was touched, and where.

        ``earlier`` is a tree head that was kept elsewhere: without one, nobody can tell a register that was written
        anew as a whole.
        """
        return audit(self._tables.raw_entries(), self._tables.raw_heads(), self._stamper.check, earlier)

    def export(self) -> dict[str, Any]:
        """Return the whole register as values for JSON; docs/copyright.md checks it without Yunmeng.

        Raises `StateError` where the register was touched.
        """
        return whole_register(self._tables)

    def prove(self, number: int) -> dict[str, Any]:
        """Return the proof that an entry is in the register, as values for JSON; docs/copyright.md checks it.

        It is for the first tree head with the entry that has a time stamp, which it then holds too, and otherwise for
        the newest one. Raises `RecordNotFound`, and `StateError` where the register was touched.
        """
        return inclusion(self._tables, number, self._ledger().stamps)

    def prove_consistency(self, size: int) -> dict[str, Any]:
        """Return the proof that the first ``size`` entries are the beginning of the register, as values for JSON.

        Raises `QueryError` for a size that the register never had.
        """
        return consistency(self._tables, size)

    def _ledger(self) -> Ledger:
        """Return the works as the register has them now. Raises `StateError` where it was touched."""
        with self._lock:
            for entry in self._tables.entries(self._known.size):
                try:
                    self._known.apply(entry)
                except (KeyError, TypeError, ValueError) as exc:
                    raise StateError(TOUCHED) from exc
            return self._known

    def _append(self, content: dict[str, Any]) -> Work:
        (entry,) = self._tables.append([content])
        return self._ledger().works[content.get("work", entry.number)]

    def _standing(self, number: int) -> Work:
        work = self.get(number)
        if work.withdrawn:
            raise QueryError(f"work {number} was withdrawn")
        return work

    def _id_of(self, picture: str | Path | bytes | Record) -> str:
        """Return the id of a picture in the library, where it is added if it is not there."""
        if isinstance(picture, Record):
            return picture.id
        data = self._read(picture)
        same = self._library.generation.store.find_sha256([sha256(data)]).get(sha256(data), [])
        if same:
            return min(record.id for record in same)
        place = Path(picture) if isinstance(picture, str) and not is_url(picture) else picture
        return self._library.add(place).id

    def _read(self, picture: str | Path | bytes | Record) -> bytes:
        return self._library.original(picture) if isinstance(picture, Record) else self._library.resources.read(picture)

    def _register_batch(self, batch: Sequence[Named], failures: list[Failure]) -> tuple[list[int], int]:
        """Register what is new of a batch; return the numbers, and how many were registered already."""
        records = self._library.reader.get_many([one.record.id for one in batch], vectors=True)
        with self._lock:
            contents, same, failed = registrations(batch, records, self._ledger(), self._library.config)
            added = self._tables.append(contents) if contents else []
        failures += failed
        return [entry.number for entry in added], same
