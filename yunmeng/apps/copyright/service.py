"""The registered works of a library, and pictures that are checked against them."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.apps.copyright.checking import WorkSearch
from yunmeng.apps.copyright.register import Register
from yunmeng.apps.copyright.thresholds import DEFAULT
from yunmeng.apps.copyright.types import WorkMatch
from yunmeng.apps.copyright.watching.findings import FalseAlarms, Findings
from yunmeng.apps.copyright.watching.tables import FindingTables
from yunmeng.apps.copyright.watching.watches import EVERY, Watches
from yunmeng.apps.copyright.watching.webhook import Webhook
from yunmeng.errors import PictureError, QueryError, RecordNotFound
from yunmeng.imaging.fingerprint import sha256
from yunmeng.ingest.sources import Sources
from yunmeng.types import Failure, Record

if TYPE_CHECKING:
    from yunmeng.apps.copyright.types import Language, ReportFormat, Work
    from yunmeng.apps.copyright.watching.inspector import OnEvent
    from yunmeng.apps.copyright.watching.libraries import LibraryTally, OnCheck
    from yunmeng.apps.copyright.watching.tables import Finding
    from yunmeng.library.library import Library

__all__ = ["Works"]


class Works(Register):
    """The registered works of ``library``, which stays the caller's to close. Threads may share it.

    `Register` has what is about the register itself: register, correct, withdraw, prove, verify.

    >>> works = Works(library)                                                      # doctest: +SKIP
    >>> work = works.register("mine.jpg", owner="Studio Lin", licence="CC BY 4.0")  # doctest: +SKIP
    >>> works.check("suspect.jpg")                                                  # doctest: +SKIP
    """

    def __init__(self, library: "Library") -> None:
        super().__init__(library)
        self._search = WorkSearch(library)
        tables = FindingTables(library.state)
        self._alarms = FalseAlarms(library, tables)
        self.findings: Final = Findings(tables, self._alarms)
        self.watches: Final = Watches(library.state)
        self.webhook: Final = Webhook(library.settings, tables)

    def check(
        self, picture: str | Path | bytes | Record, *, k: int = 5, min_chance: float = DEFAULT
    ) -> list[WorkMatch]:
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

    def check_all(
        self, sources: Sequence[str | Path], *, k: int = 5, min_chance: float = DEFAULT
    ) -> "Iterator[tuple[str, list[WorkMatch] | Failure]]":
        """Check files, the pictures of folders, lists of URLs (.txt) and URLs, one after the other.

        Yields the name of each picture with the works that it was made from, or with why it could not be checked.
        Raises `SourceError` for a path that is not there, and what `check` raises beside `PictureError`.
        """
        for entry in Sources(sources, None, {}).entries():
            try:
                if entry.problem is not None:
                    raise entry.problem
                yield entry.source, self.check(entry.uri, k=k, min_chance=min_chance)
            except PictureError as exc:
                if entry.certain:
                    yield entry.source, Failure(entry.source, str(exc))

    def inspect(self, source: str, picture: bytes | None = None, *, send: bool = False) -> "list[Finding]":
        """Check the picture at a path or URL, unless its bytes were checked before, and keep what is found.

        ``picture`` are its bytes, where they were read already. With ``send`` it waits to be sent, see
        `Webhook.deliver`. Raises as `check` does.
        """
        data = self._read(source) if picture is None else picture
        if self.findings.was_seen(sha256(data)):
            return []
        return self.findings.keep(source, data, self.check(data), send=send)

    def check_library(
        self,
        on_event: "OnEvent",
        other: "Library | None" = None,
        *,
        on_check: "OnCheck" = lambda _: None,
        stop: threading.Event | None = None,
    ) -> "LibraryTally":
        """Check all pictures of the library, or of another one, and keep what is found, see `findings`.

        Registered works themselves are left out, and what was checked before, here or by `watch`: a run that was
        stopped is continued by the same call.

        Args:
            on_event: Called with each finding, and with each picture that could not be checked.
            other: The library whose pictures are checked, instead of the one with the works.
            on_check: Called with the progress, after each picture.
            stop: Ends the run when set.

        Raises:
            QueryError: A setting is missing.
            MissingExtra: The extra ``copies`` is not installed.
        """
        from yunmeng.apps.copyright.watching.inspector import Inspector
        from yunmeng.apps.copyright.watching.libraries import check_library

        return check_library(
            other or self._library,
            _name_elsewhere if other else _name_here,
            () if other else self._ledger().pictures(),
            self.findings,
            Inspector(self, on_event),
            on_check,
            stop or threading.Event(),
        )

    def watch(
        self,
        sources: Sequence[str | Path],
        on_event: "OnEvent",
        stop: threading.Event,
        *,
        every: float = EVERY,
        once: bool = False,
    ) -> None:
        """Check the pictures of sources as they come, each once, and keep what is found, until ``stop`` is set.

        Args:
            sources: Folders, and sitemaps, feeds (RSS, Atom) and lists of URLs, each a URL or a file.
            on_event: Called with each finding, and with each failure; what failed is tried again.
            stop: Ends the watch when set.
            every: Seconds after which sitemaps, feeds and lists are read again.
            once: End after what is there now.

        Raises:
            SourceError: A source is not there.
            QueryError: ``every`` is less than 10, or a setting is missing.
            MissingExtra: The extra ``copyright`` or ``copies`` is not installed.
        """
        from yunmeng.apps.copyright.watching.watch import Watch

        Watch(self, self._library, sources, on_event, every=every).run(stop, once=once)

    def run_watches(self, stop: threading.Event) -> bool:
        """Read the URLs of `watches` when they are due, and keep what is found; what a server does in the background.

        Returns False when ``stop`` is set, True as soon as nothing is watched. Raises `QueryError` where a setting is
        missing, and `MissingExtra`.
        """
        from yunmeng.apps.copyright.watching.rounds import Rounds

        return Rounds(self, self._library).run(stop)

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

    def absent(self) -> "list[Work]":
        """Return the works that `check` cannot find, as their pictures are not in the library any more."""
        ledger = self._ledger()
        return self._search.absent(ledger.pictures(), ledger.size)

    def _match_of(self, data: bytes, number: int | None) -> WorkMatch:
        """Return the likeliest work, or the one of this number. Raises `RecordNotFound`."""
        if number is None:
            if found := self.check(data, k=1):
                return found[0]
            raise RecordNotFound("no registered work is likely to be its original: name one, to compare with it")
        work, ledger = self.get(number), self._ledger()
        return self._search.compared_with(data, work, ledger.pictures(), ledger.size)


def _name_here(record: Record) -> str:
    return f"id:{record.id}"


def _name_elsewhere(record: Record) -> str:
    return f"{record.uri}#{record.part}" if record.part else record.uri


def _name(picture: str | Path | bytes | Record) -> str:
    if isinstance(picture, Record):
        return picture.id
    return sha256(picture) if isinstance(picture, bytes) else str(picture)
