"""Calibration of a library: the meaning of its scores, learnt from its own pictures."""

from typing import TYPE_CHECKING, Final

from yunmeng.library.paths import put
from yunmeng.search.calibration import CALIBRATED_FROM, Calibration, Sample, fit, sample_scores

if TYPE_CHECKING:
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.encoding import Encoding
    from yunmeng.library.resources import LibraryResources
    from yunmeng.stores.protocol import Store

__all__ = ["Calibrator"]

FEWEST: Final = 20
"""Scores of either kind that a curve can be fitted to."""


class Calibrator:
    """Learns what the scores of one generation mean, and keeps it in ``calibration.json``."""

    def __init__(
        self, config: "LibraryConfig", store: "Store", encoding: "Encoding", resources: "LibraryResources"
    ) -> None:
        self._generation = config.generation
        self._store = store
        self._encoding = encoding
        self._media = resources.media
        self._place = resources.paths.calibration
        self._learnt = self._read()

    @property
    def calibration(self) -> Calibration | None:
        """The chance that a score stands for, if it is known."""
        return self._learnt if self._learnt is not None and self._learnt.tells else None

    @property
    def outgrown(self) -> bool:
        """True where the library has grown so much that the calibration may no longer hold."""
        learnt = self._learnt
        return self._store.count() >= (CALIBRATED_FROM if learnt is None else 2 * learnt.pictures)

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
        put(self._place, self._learnt.model_dump_json(indent=1))
        return sample if self._learnt.tells else None

    def _read(self) -> Calibration | None:
        try:
            learnt = Calibration.model_validate_json(self._place.read_bytes())
        except (OSError, ValueError):
            return None
        return learnt if learnt.edition == self._generation else None
