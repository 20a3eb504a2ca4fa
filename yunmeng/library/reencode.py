"""Move of a library to another encoder: a new generation is filled beside the old one, which answers meanwhile."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from yunmeng.config import cores
from yunmeng.errors import LibraryError, YunmengError
from yunmeng.ingest.classifier import Decision, Duplicate, Failed, New, Unchanged
from yunmeng.ingest.pipeline import IndexReport, OnTally, recorded
from yunmeng.library.config import read_next_config, write_config, write_next_config
from yunmeng.library.generation import Generation
from yunmeng.library.opening import remove_stores
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.resources import LibraryResources
    from yunmeng.state.database import Job
    from yunmeng.stores.protocol import Store
    from yunmeng.types import Record

__all__ = ["Reencoding"]

PAGE: Final = 1000


class Reencoding(Closing):
    """One move from a generation to the next. Vectors that an earlier attempt at the same move has made are used.

    Raises `LibraryError` if ``config`` is what the old generation is already.
    """

    def __init__(
        self,
        old: Generation,
        config: "LibraryConfig",
        resources: "LibraryResources",
        encoder: "Encoder | None",
        job: "Job | None" = None,
    ) -> None:
        if not config.differs_from(old.config):
            raise LibraryError(f"the library is so already: its encoder is {config.encoder.name}")
        self._old = old
        self._resources = resources
        self._job = job
        self._finished = False
        self._new = self._begin(config, encoder)

    def run(self, on_tally: OnTally, stop: threading.Event) -> IndexReport:
        """Encode what the new generation lacks."""
        state = self._resources.state
        if self._job is None:
            job = state.start_job("reencode", {"encoder": self._new.config.encoder.name})
        else:
            job = self._job
            state.resume_job(job.id)

        def bring_over() -> IndexReport:
            pipeline = self._new.pipeline(self._classify, cores(), on_tally, stop)
            records = (record for page in _pages(self._old.store) for record in page)
            return pipeline.run(job.id, records, self._old.store.count)

        return recorded(state, job.id, bring_over)

    def finish(self, on_tally: OnTally) -> Generation:
        """Encode the last changes, and make the new generation the library's. Nothing may change meanwhile."""
        self.run(on_tally, threading.Event())
        gone: list[str] = []
        for page in _pages(self._new.store):
            ids = [record.id for record in page]
            kept = self._old.store.get(ids)
            gone += [id for id in ids if id not in kept]
        self._new.store.delete(gone)
        self._new.store.flush()
        write_config(self._resources.paths, self._new.config)
        self._finished = True
        return self._new

    def close(self) -> None:
        """Close a generation that has not become the library's; its files stay for the next attempt."""
        if not self._finished:
            self._new.close()

    def _begin(self, config: "LibraryConfig", encoder: "Encoder | None") -> Generation:
        paths = self._resources.paths
        if read_next_config(paths) == config:
            return Generation.open(config, self._resources, encoder)
        remove_stores(self._old.config, paths)
        new = Generation.create(config, self._resources, encoder)
        write_next_config(paths, config)
        return new

    def _classify(self, record: "Record") -> Decision:
        there = self._new.store.get([record.id]).get(record.id)
        if there is not None and replace(there, quality=record.quality) == record:
            return Unchanged()
        twins = self._new.store.find_sha256([record.sha256], vectors=True).get(record.sha256)
        if twins:
            return Duplicate(replace(record, vector=twins[0].vector))
        try:
            data = self._resources.media.read(record)
            views = self._new.encoding.views
            return New(record, views.all(data, views.decode(data)))
        except YunmengError as exc:
            return Failed(record.id, str(exc))


def _pages(store: "Store") -> "Iterator[list[Record]]":
    """Yield all records, a page at a time: one long iteration would block other work for hours."""
    after = None
    while page := store.page(PAGE, after):
        yield page
        after = (page[-1].sha256, page[-1].id)
