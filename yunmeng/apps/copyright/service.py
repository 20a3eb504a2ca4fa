"""The register of works of a library: register, correct, withdraw, prove, verify, check."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from yunmeng.apps.copyright.audit import audit
from yunmeng.apps.copyright.bulk import registered, registrations
from yunmeng.apps.copyright.checking import WorkSearch
from yunmeng.apps.copyright.intake import Named, batches, named_pictures
from yunmeng.apps.copyright.ledger import Ledger, correction, registration, withdrawal
from yunmeng.apps.copyright.proofs import consistency, inclusion, whole_register
from yunmeng.apps.copyright.tables import TOUCHED, RegisterTables
from yunmeng.apps.copyright.timestamps import Stamper
from yunmeng.apps.copyright.types import Details, Entry, RegisterReport, TreeHead, Verification, Work, WorkMatch
from yunmeng.apps.copyright.watching.findings import FalseAlarms, Findings
from yunmeng.apps.copyright.watching.tables import FindingTables
from yunmeng.apps.copyright.watching.webhook import Webhook
from yunmeng.errors import QueryError, RecordNotFound, StateError
from yunmeng.imaging.fingerprint import sha256
from yunmeng.net.fetch import is_url
from yunmeng.types import Failure, Record

if TYPE_CHECKING:
    from yunmeng.apps.copyright.types import Language, ReportFormat
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.library.library import Library
    from yunmeng.types import OnTally

__all__ = ["LIKELY", "Works"]

LIKELY: Final = 0.5
"""The chance from which `Library.match` calls a picture an original."""


class Works:
    """The registered works of ``library``, which stays the caller's to close. Threads may share it.

    The register only grows: each entry holds the hash of the one before it, and all are leaves of a Merkle tree
    (RFC 6962), so that `verify` finds what was changed, and `prove` shows to others that an entry belongs to it.

    >>> works = Works(library)                                                      # doctest: +SKIP
    >>> work = works.register("mine.jpg", owner="Studio Lin", licence="CC BY 4.0")  # doctest: +SKIP
    >>> works.check("suspect.jpg")                                                  # doctest: +SKIP
    """

    def __init__(self, library: "Library") -> None:
        self._library = library
        self._tables = RegisterTables(library.state)
        self._stamper = Stamper(library.settings)
        self._search = WorkSearch(library)
        self._lock = threading.RLock()
        self._known = Ledger()
        tables = FindingTables(library.state)
        self._alarms = FalseAlarms(library, tables)
        self.findings: Final = Findings(tables, self._alarms)
        self.webhook: Final = Webhook(library.settings, tables)

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
        """Have the authority of YUNMENG_TSA_URL confirm the time of the tree head (RFC 3161): a new entry.

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

    def check(self, picture: str | Path | bytes | Record, *, k: int = 5, min_chance: float = LIKELY) -> list[WorkMatch]:
        """Return the works that a picture was made from, most likely, the likeliest first.

        Works that were withdrawn do not count, nor what was marked as a false alarm, see `findings`. Chances are those
        of `Library.match`: from 0.5 on, a picture is more likely a copy than not.

        Args:
            picture: A path, a URL, a file's bytes, or the record of a picture of the library.
            k: How many works at the most.
            min_chance: Leave out works that are less likely.

        Raises:
            PictureError, OriginalGone, QueryError.
            MissingExtra: The extra ``copies`` is not installed.
        """
        if k < 1:
            raise QueryError(f"k must be at least 1, not {k}")
        data = self._read(picture)
        ledger = self._ledger()
        found = self._search.match(data, ledger.pictures(), ledger.size, k, min_chance)
        return self._alarms.without(data, found)

    def inspect(self, source: str, *, send: bool = False) -> "list[Finding]":
        """Check the picture at a path or URL, unless its bytes were checked before, and keep what is found.

        With ``send`` it waits to be sent, see `Webhook.deliver`. Raises as `check` does.
        """
        data = self._read(source)
        if self.findings.was_seen(data):
            return []
        return self.findings.keep(source, data, self.check(data), send=send)

    def report(
        self,
        picture: str | Path | bytes | Record,
        *,
        work: int | None = None,
        language: "Language" = "en",
        format: "ReportFormat" = "html",
        name: str = "",
    ) -> bytes:
        """Return the evidence that a picture was made from a registered work, as a report for people.

        Args:
            picture: As in `check`.
            work: The work to compare with, instead of the likeliest one.
            language: English or Chinese.
            format: One HTML file, or PDF.
            name: What the report calls the picture: its path, URL or id, unless told.

        Raises:
            RecordNotFound: No registered work is likely to be the original.
            PictureError, OriginalGone.
            MissingExtra: The extra ``copies`` is not installed, or for PDF ``copyright``.
        """
        from yunmeng.apps.copyright.report.content import compose
        from yunmeng.apps.copyright.report.facts import gather
        from yunmeng.apps.copyright.report.html import as_html
        from yunmeng.apps.copyright.report.pdf import as_pdf

        data = self._read(picture)
        match = self._match_of(data, work)
        number = match.work.number
        proved = self.prove(number), self.history(number), self.verify()
        facts = gather(self._library, (name or _name(picture), data), match, *proved)
        return (as_pdf if format == "pdf" else as_html)(compose(facts, language))

    def absent(self) -> list[Work]:
        """Return the works that `check` cannot find, as their pictures are not in the library any more."""
        ledger = self._ledger()
        return self._search.absent(ledger.pictures(), ledger.size)

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

    def _match_of(self, data: bytes, number: int | None) -> WorkMatch:
        """Return the likeliest work, or the one of this number. Raises `RecordNotFound`."""
        if number is None:
            if found := self.check(data, k=1):
                return found[0]
            raise RecordNotFound("no registered work is likely to be its original: name one, to compare with it")
        work, ledger = self.get(number), self._ledger()
        return self._search.compared_with(data, work, ledger.pictures(), ledger.size)

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


def _name(picture: str | Path | bytes | Record) -> str:
    if isinstance(picture, Record):
        return picture.id
    return sha256(picture) if isinstance(picture, bytes) else str(picture)
