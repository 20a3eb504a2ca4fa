"""Move of a library to another encoder or other attributes: a new generation is filled while the old one answers."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from yunmeng.config import cores
from yunmeng.errors import LibraryError, PictureError, YunmengError
from yunmeng.ingest.decisions import Decision, Duplicate, Failed, New, Unchanged
from yunmeng.ingest.pipeline import IndexReport, OnTally, recorded
from yunmeng.library.config import read_next_config, write_config, write_next_config
from yunmeng.library.generation import Generation
from yunmeng.library.opening import remove_stores
from yunmeng.stores.augmented import regional_in
from yunmeng.stores.schema import refit
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

    Where only the attributes differ, the vectors are taken over, and no picture is read.

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
            raise LibraryError(
                f"the library is so already, with these attributes and the encoder {config.encoder.name}"
            )
        self._old = old
        self._copies = config.same_vectors(old.config)
        self._resources = resources
        self._job = job
        self._finished = False
        self._new = self._begin(config, encoder)

    def run(self, on_tally: OnTally, stop: threading.Event) -> IndexReport:
        """Encode what the new generation lacks."""
        state = self._resources.state
        if self._job is None:
            kind = "declare" if self._copies else "reencode"
            job = state.start_job(kind, {"encoder": self._new.config.encoder.name})
        else:
            job = self._job
            state.resume_job(job.id)

        def bring_over() -> IndexReport:
            pipeline = self._new.pipeline(self._classify, cores(), on_tally, stop)
            records = (record for page in _pages(self._old.store) for record in page)
            return pipeline.run(job.id, records, self._old.store.count)

        return recorded(state, job.id, bring_over, stop)

    def finish(self, on_tally: OnTally, *, drop_failed: bool) -> Generation:
        """Encode the last changes, and make the new generation the library's. Nothing may change meanwhile.

        Raises `LibraryError` for what cannot be brought over, unless ``drop_failed`` says to go on without.
        """
        with self._new.following() as about_to:
            report = self.run(on_tally, threading.Event())
            if report.failed and not drop_failed:
                raise LibraryError(f"{report.failed[0].path} has changed meanwhile: {report.failed[0].reason}")
            gone: list[str] = []
            for page in _pages(self._new.store):
                ids = [record.id for record in page]
                kept = self._old.store.get(ids)
                gone += [id for id in ids if id not in kept]
            self._new.store.delete(gone)
            self._new.store.flush()
            if self._copies:
                self._new.calibrator.take_over(self._old.calibrator)
            about_to()
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
        remove_stores(self._old.config, paths, self._resources.shared_state)
        new = Generation.create(config, self._resources, encoder)
        write_next_config(paths, config)
        return new

    def _classify(self, record: "Record") -> Decision:
        if self._copies:
            return self._copied(record.id)
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

    def _copied(self, id: str) -> Decision:
        found = self._old.store.get([id], vectors=True).get(id)
        if found is None:  # deleted meanwhile
            return Unchanged()
        try:
            record = replace(found, attributes=refit(found.attributes, self._new.config.attributes))
        except PictureError as exc:
            return Failed(id, str(exc))
        if self._new.store.get([id]).get(id) == replace(record, vector=None):
            return Unchanged()
        regional = regional_in(self._old.store)
        if regional is not None:
            record = replace(record, regions=regional.regions([record.sha256]).get(record.sha256, ()))
        return Duplicate(record)


def _pages(store: "Store") -> "Iterator[list[Record]]":
    """Yield all records, a page at a time: one long iteration would block other work for hours."""
    after = None
    while page := store.page(PAGE, after):
        yield page
        after = (page[-1].sha256, page[-1].id)
