"""Moving a library to another encoder: a new edition is filled beside the old one, which answers meanwhile."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from yunmeng.closing import Closing
from yunmeng.config import cores
from yunmeng.encoders import Encoder
from yunmeng.errors import LibraryError, YunmengError
from yunmeng.ingest import Failed, Fresh, IndexReport, Known, OnTally, Outcome, Unchanged, recorded
from yunmeng.library.generation import Edition, Surroundings
from yunmeng.library.paths import Card
from yunmeng.stores import Store
from yunmeng.types import Record

__all__ = ["Reencoding"]

PAGE: Final = 1000


class Reencoding(Closing):
    """One move from an edition to the next. What an earlier attempt at the same has encoded is used.

    Raises `LibraryError` if ``card`` says nothing that the old edition is not already.
    """

    def __init__(
        self,
        old: Edition,
        card: Card,
        around: Surroundings,
        encoder: Encoder | None,
        on_tally: OnTally,
        stop: threading.Event,
    ) -> None:
        if card.model_copy(update={"edition": old.card.edition, "format": old.card.format}) == old.card:
            raise LibraryError(f"the library is so already: its encoder is {card.encoder.name}")
        self._old = old
        self._around = around
        self._on_tally = on_tally
        self._stop = stop
        self._finished = False
        self._new = self._begin(card, encoder)

    def run(self) -> IndexReport:
        """Bring over what the new edition lacks."""
        job = self._around.state.start_job("reencode", {"encoder": self._new.card.encoder.name})

        def bring_over() -> IndexReport:
            pipeline = self._new.pipeline(self._look, cores(), self._on_tally, self._stop)
            records = (record for page in _pages(self._old.store) for record in page)
            return pipeline.run(job.id, records, self._old.store.count)

        return recorded(self._around.state, job.id, bring_over)

    def finish(self) -> Edition:
        """Bring over the last changes, and make the new edition the library's. Nothing may change meanwhile."""
        self._stop = threading.Event()
        self.run()
        gone: list[str] = []
        for page in _pages(self._new.store):
            ids = [record.id for record in page]
            kept = self._old.store.get(ids)
            gone += [id for id in ids if id not in kept]
        self._new.store.delete(gone)
        self._new.store.flush()
        self._around.layout.write_card(self._new.card)
        self._finished = True
        return self._new

    def close(self) -> None:
        """Let go of an edition that has not become the library's; its files stay for the next attempt."""
        if not self._finished:
            self._new.close()

    def _begin(self, card: Card, encoder: Encoder | None) -> Edition:
        layout = self._around.layout
        if layout.read_next_card() == card:
            return Edition.open(card, self._around, encoder)
        layout.clear_editions(self._old.card.edition)
        new = Edition.create(card, self._around, encoder)
        layout.write_next_card(card)
        return new

    def _look(self, record: Record) -> Outcome:
        there = self._new.store.get([record.id]).get(record.id)
        if there is not None and replace(there, quality=record.quality) == record:
            return Unchanged()
        twins = self._new.store.find_sha256([record.sha256], vectors=True).get(record.sha256)
        if twins:
            return Known(replace(record, vector=twins[0].vector))
        try:
            data = self._around.originals.read(record)
            return Fresh(record, self._new.views.all(data, self._new.views.decode(data)))
        except YunmengError as exc:
            return Failed(record.id, str(exc))


def _pages(store: Store) -> Iterator[list[Record]]:
    """All records, a page at a time: unlike an iteration, that holds nothing off for hours."""
    after = None
    while page := store.page(PAGE, after):
        yield page
        after = (page[-1].sha256, page[-1].id)
