"""Calibration of a library: the meaning of its scores, learnt from its own pictures."""

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from yunmeng.library.paths import put
from yunmeng.search.bands import Bands, learn
from yunmeng.search.calibration import CALIBRATED_FROM, Calibration, Sample, fit, sample_pairs, sample_scores

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.encoding import Encoding
    from yunmeng.library.resources import LibraryResources
    from yunmeng.stores.protocol import Store

__all__ = ["Calibrator"]

Learnt = TypeVar("Learnt", Calibration, Bands)

FEWEST: Final = 20
"""Scores of either kind that a curve can be fitted to."""
DRAWN: Final = 200
"""Pictures that the bands are learnt from: some 0.2 s."""
GROWN: Final = 1.5
"""How many times as many pictures there are when the bands are learnt again."""


class Calibrator:
    """Learns what the scores of one generation mean: chances, in ``calibration.json``, and bands, in ``bands.json``."""

    def __init__(
        self, config: "LibraryConfig", store: "Store", encoding: "Encoding", resources: "LibraryResources"
    ) -> None:
        self._generation = config.generation
        self._store = store
        self._encoding = encoding
        self._media = resources.media
        self._paths = resources.paths
        self._learning = Lock()
        self.held = False
        """True while nothing is to be learnt, and nothing written down: see `yunmeng.library.staging`."""
        self._tried = 0  # pictures there were when bands could not be learnt
        self._learnt = _read(Calibration, resources.paths.calibration, config.generation)
        self.known_bands = _read(Bands, resources.paths.bands, config.generation)
        """The bands that are learnt already."""

    @property
    def calibration(self) -> Calibration | None:
        """The chance that a score stands for, if it is known."""
        return self._learnt if self._learnt is not None and self._learnt.tells else None

    @property
    def bands(self) -> Bands | None:
        """The bands of scores, which are learnt now if they were not; None where too few pictures are there."""
        if self.known_bands is None and self._store.count() >= max(CALIBRATED_FROM, GROWN * self._tried):
            self._learn_bands(again=False)
        return self.known_bands

    def keep_up(self) -> None:
        """Learn again what the library has outgrown."""
        if self.held:
            return
        learnt, known, count = self._learnt, self.known_bands, self._store.count()
        if count >= (CALIBRATED_FROM if learnt is None else 2 * learnt.pictures):
            self.calibrate()
        elif known is not None and count >= GROWN * known.pictures:
            self._learn_bands()

    def calibrate(self) -> Sample | None:
        """Learn again. Returns None where too few pictures are there or readable, or where scores mean nothing."""
        count = self._store.count()
        if count < CALIBRATED_FROM:
            return None
        sample = sample_scores(self._store, self._encoding.encoder, self._encoding.views, self._media.read)
        enough = min(len(sample.strangers), len(sample.copies)) >= FEWEST
        nothing = Calibration(edition=self._generation, pictures=count, slope=0, offset=0)
        # What tells nothing is kept as well, so that it is not tried again before the library has grown.
        self._learnt = fit(sample, self._generation, count) if enough else nothing
        put(self._paths.calibration, self._learnt.model_dump_json(indent=1))
        self._learn_bands(nearest=sample.nearest)
        return sample if self._learnt.tells else None

    def take_over(self, before: "Calibrator") -> None:
        """Know what another generation with the same vectors has learnt."""
        edition = {"edition": self._generation}
        if before._learnt is not None:
            self._learnt = before._learnt.model_copy(update=edition)
            put(self._paths.calibration, self._learnt.model_dump_json(indent=1))
        if before.known_bands is not None:
            self.known_bands = before.known_bands.model_copy(update=edition)
            put(self._paths.bands, self.known_bands.model_dump_json(indent=1))

    def _learn_bands(self, *, again: bool = True, nearest: "Mapping[str, float | None] | None" = None) -> None:
        with self._learning:
            if not again and self.known_bands is not None:  # another thread has come first
                return
            count = self._store.count()
            scores, pairs = sample_pairs(self._store, DRAWN, nearest=nearest or {})
            if min(len(scores), len(pairs)) < FEWEST:  # nearly all are copies
                self._tried = count
                return
            learnt = learn(scores, pairs, self.calibration, edition=self._generation, pictures=count)
            self.known_bands = learnt
            with suppress(OSError):  # a search may come to a folder that it cannot write to
                put(self._paths.bands, learnt.model_dump_json(indent=1))


def _read(kind: type[Learnt], place: "Path", generation: int) -> Learnt | None:
    try:
        learnt = kind.model_validate_json(place.read_bytes())
    except (OSError, ValueError):
        return None
    return learnt if learnt.edition == generation else None
