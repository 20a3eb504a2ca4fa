"""Maintenance of an open library, its re-encoding, and its augmentation."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from yunmeng.errors import LibraryError
from yunmeng.ingest.pipeline import OPTIMISE_FROM
from yunmeng.library.dba import Augmentation, AugmentReport, OnStep, refresh, refresh_some
from yunmeng.library.encoding import identify
from yunmeng.library.palettes import PaletteReport, Palettes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yunmeng.encoders.protocol import Encoder
    from yunmeng.ingest.pipeline import IndexReport, OnTally
    from yunmeng.library.backup import Backup, OnFile
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.generations import Generations
    from yunmeng.library.resources import LibraryResources
    from yunmeng.search.calibration import Sample
    from yunmeng.state.database import Job
    from yunmeng.types import AttributeType

__all__ = ["Maintenance"]

WORD_PORTIONS = 5
"""Portions of a thousand records whose words are read at once: some seconds of work."""


class Maintenance:
    """Keeps an open library quick, and moves it to another encoder or to second vectors. Threads may share it."""

    def __init__(self, resources: "LibraryResources", generations: "Generations") -> None:
        self._resources = resources
        self._generations = generations

    def maintain(self) -> None:
        """Make durable and index what was added: a library that stays open needs this from time to time."""
        generation = self._generations.fresh
        if generation.store.unindexed() >= OPTIMISE_FROM:
            generation.store.optimise()
        generation.store.flush()
        refresh_some(generation.store)
        generation.refresh_words(threading.Event(), WORD_PORTIONS)
        generation.calibrator.keep_up()

    def warm(self) -> None:
        """Load the encoder now, so that the first query does not wait for it."""
        _ = self._generations.current.encoding.query_encoder

    def calibrate(self) -> "Sample | None":
        """Learn again what scores mean, as `yunmeng.Library.calibrate` says."""
        return self._generations.current.calibrator.calibrate()

    def augment(self, on_step: OnStep | None = None, stop: threading.Event | None = None) -> AugmentReport:
        """Give the library second vectors, and compute stale ones, as `yunmeng.Library.augment` says."""
        began, stop = time.monotonic(), stop or threading.Event()
        with self._generations.moving():
            if not self._generations.current.config.augmented:
                if self._generations.current.shared:  # others would go on without them
                    raise LibraryError(
                        "a library that processes share cannot be given second vectors: make one with --augment"
                    )
                with Augmentation(self._generations.current, self._resources.paths) as move:
                    if move.run(stop):
                        self._generations.switch(move.finish)
        with self._generations.changing():
            store = self._generations.current.store
            taken = refresh(store, stop, on_step)
        return AugmentReport(store.count(), taken, time.monotonic() - began, stop.is_set())

    def palettes(self, on_step: OnStep | None = None, stop: threading.Event | None = None) -> PaletteReport:
        """Compute the palettes that are missing, as `yunmeng.Library.palettes` says."""
        return Palettes(self._generations, self._resources).run(stop or threading.Event(), on_step)

    def backup(
        self, target: "str | Path", on_file: "OnFile | None" = None, stop: threading.Event | None = None
    ) -> "Backup | None":
        """Write a backup, as `yunmeng.Library.backup` says."""
        from yunmeng.library.backup import back_up

        tell = on_file or (lambda _done, _all: None)
        return back_up(self._resources, self._generations, Path(target), stop or threading.Event(), tell)

    def verify(self, on_file: "OnFile | None" = None) -> list[str]:
        """Return what is wrong with what the library keeps, as `yunmeng.Library.verify` says."""
        from yunmeng.library.backup import unsound

        generation = self._generations.fresh
        damage = self._resources.state.damage()
        found = [] if damage is None else [f"the state database is damaged: {damage}"]
        tell = on_file or (lambda _done, _all: None)
        return [*found, *unsound(generation.store, generation.config.encoder.dim, tell)]

    def reencode(
        self,
        encoder: "str | Encoder | None" = None,
        *,
        subject: bool | None = None,
        regions: bool | None = None,
        drop_missing: bool = False,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
        job: "Job | None" = None,
    ) -> "IndexReport":
        """Move the library to another encoder or other parts of its pictures, as `yunmeng.Library.reencode` says.

        ``job`` is a running job of the state database; without it, a new one is made.
        """

        def reencoded(old: "LibraryConfig") -> "LibraryConfig":
            bound = old.encoder if encoder is None else identify(encoder, self._resources.settings)
            return old.next_generation(bound, subject=subject, regions=regions)

        given = None if encoder is None or isinstance(encoder, str) else encoder
        return self._move(reencoded, given, drop_missing, on_tally, stop, job)

    def declare(
        self,
        attributes: "Mapping[str, AttributeType | None]",
        *,
        on_tally: "OnTally | None" = None,
        stop: threading.Event | None = None,
        job: "Job | None" = None,
    ) -> "IndexReport":
        """Declare attributes, as `yunmeng.Library.declare` says. ``job`` as in `reencode`."""
        encoder = self._generations.current.encoding.encoder
        return self._move(lambda old: old.declaring(attributes), encoder, False, on_tally, stop, job)

    def _move(
        self,
        make: "Callable[[LibraryConfig], LibraryConfig]",
        encoder: "Encoder | None",
        drop_failed: bool,
        on_tally: "OnTally | None",
        stop: threading.Event | None,
        job: "Job | None",
    ) -> "IndexReport":
        from yunmeng.library.reencode import Reencoding

        stop, tell = stop or threading.Event(), on_tally or (lambda _: None)
        with self._generations.moving():
            self._generations.close_replaced()
            old = self._generations.current
            config = make(old.config)
            with Reencoding(old, config, self._resources, encoder, job) as move:
                report = move.run(tell, stop)
                if not report.interrupted and (drop_failed or not report.failed):
                    # What came and went meanwhile is brought over while nothing changes.
                    self._generations.switch(lambda: move.finish(tell, drop_failed=drop_failed))
                    if not config.same_vectors(old.config):
                        self._generations.current.calibrator.calibrate()
        with self._generations.changing():
            refresh(self._generations.current.store, stop)
        return report
