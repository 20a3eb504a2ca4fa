"""Calibration of scores in one library: the chance that a hit with a score is a real match and no stranger.

A library of shoes gives a strange shoe 0.7, an archive of everything gives a stranger 0.3. So each library learns from
its own pictures: how high the best stranger scores, which is the nearest other picture, and how high an edited copy
scores with its original. From both distributions the chance is computed by Platt's method: a logistic curve, fitted
with his smoothed targets (Platt, Probabilistic outputs for support vector machines, 1999, section 2.2). It is a curve
over the logarithm of the angle between the embeddings: over the cosine itself, as he has it, an untouched copy of a
picture got 0.96, and held-out pictures were off by 0.064 on average instead of 0.034 (docs/benchmarks.md).
"""

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from yunmeng.concurrency import bounded_map
from yunmeng.config import cores
from yunmeng.errors import YunmengError
from yunmeng.imaging.edits import edited
from yunmeng.imaging.fingerprint import hamming
from yunmeng.search.metrics import codes_of_hex, equal_bits
from yunmeng.types import Hit, Pixels, Record, Vector

if TYPE_CHECKING:
    from yunmeng.encoders.crops.views import Views
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.stores.protocol import Store

__all__ = ["CALIBRATED_FROM", "Bin", "Calibration", "Sample", "fit", "reliability", "sample_pairs", "sample_scores"]

CALIBRATED_FROM: Final = 50
"""Pictures that a library must have to learn from."""

STRANGERS: Final = 400
COPIES: Final = 100  # each is read, edited and encoded: one to two seconds in all
NEIGHBOURS: Final = 16  # looked at for the nearest stranger, as the nearest of all are copies now and then
NEAREST: Final = 3  # of these, whose records are read first: mostly the picture itself and the stranger
SAME_PICTURE: Final = 31  # bits of PDQ that differ at the most between copies of one picture
PDQ_BITS: Final = 256
BATCH: Final = 16
AT_ONCE: Final = 64  # pictures whose neighbours are read together
LEAST_ANGLE: Final = 1e-3
SURE: Final = 0.9  # the least chance that an untouched copy must get


class Calibration(BaseModel):
    """The chance of a match by score: its odds are ``exp(offset) * angle ** -slope``, where cos(angle) is the score.

    Learnt for one ``edition`` of a library with so many ``pictures``.
    """

    model_config = ConfigDict(frozen=True)

    edition: int
    pictures: int
    slope: float
    offset: float

    @property
    def tells(self) -> bool:
        """True where scores mean anything: not where pictures have many copies that look like strangers."""
        return self.chance(1.0) >= SURE

    def chance(self, score: float) -> float:
        """Return the chance in [0, 1] of a score as `Store.search` gives it."""
        odds = self.slope * _nearness(score) + self.offset
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, odds))))


@dataclass(frozen=True, slots=True)
class Sample:
    """Scores in [-1, 1] of the best ``strangers``, and of edited ``copies`` with their originals, float64 (n,).

    ``nearest`` has the score of the best stranger of each picture by its id; None where all near it are copies.
    """

    strangers: NDArray[np.float64]
    copies: NDArray[np.float64]
    nearest: Mapping[str, float | None] = field(default_factory=dict)


class Bin(NamedTuple):
    """Hits whose chance lies in one range: their number, their mean chance, and the share of them that was real."""

    hits: int
    told: float
    real: float


def sample_scores(
    store: "Store", encoder: "Encoder", views: "Views", original: Callable[[Record], bytes], seed: int = 0
) -> Sample:
    """Return scores of strangers and of copies in a library, on pictures drawn at random."""
    ids = [record.id for record in _drawn(store, np.random.default_rng(seed), STRANGERS)]
    records = store.get(ids, vectors=True)
    copies: list[float] = []
    with ThreadPoolExecutor(cores(), "calibration") as pool:
        strangers = pool.submit(_strangers, store, list(records.values()))  # while copies are made and encoded
        numbers = iter(range(len(ids)))
        while some := list(islice(numbers, COPIES - len(copies))):  # more than once only where files cannot be read
            with closing(_copies(pool, some, records, ids, views, original)) as made:
                readable = (copy for copy in made if copy is not None)
                while batch := list(islice(readable, BATCH)):
                    vectors = encoder.encode([prepared for _, prepared in batch])
                    copies += [
                        float(_vector(record) @ vector) for (record, _), vector in zip(batch, vectors, strict=True)
                    ]
    nearest = strangers.result()
    return Sample(_told(nearest.values()), np.array(copies, np.float64), nearest)


def sample_pairs(
    store: "Store", count: int, seed: int = 0, nearest: Mapping[str, float | None] = MappingProxyType({})
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores of ``count`` pictures with their nearest other picture, and of all pairs among them.

    Copies are no other picture, and no pair. ``nearest`` is that of a `Sample`, which is not looked for again: with the
    same seed it was drawn from the same pictures.
    """
    drawn = store.get([record.id for record in _drawn(store, np.random.default_rng(seed), count)], vectors=True)
    records = list(drawn.values())
    vectors = np.array([_vector(record) for record in records], np.float32)
    codes = codes_of_hex([record.pdq for record in records])
    pairs = np.triu_indices(len(records), 1)
    apart = equal_bits(codes, codes)[pairs] < 1 - SAME_PICTURE / PDQ_BITS
    scores = np.clip((vectors @ vectors.T)[pairs][apart], -1, 1)
    known = {**nearest, **_strangers(store, [record for record in records if record.id not in nearest])}
    return _told(known[record.id] for record in records), scores.astype(np.float64)


def _drawn(store: "Store", random: np.random.Generator, count: int) -> list[Record]:
    """Records from a random place on, in the order of their digests, which is random in itself."""
    start = (random.bytes(4).hex(), "")
    found = store.page(count, start)
    return found if len(found) == count else [*found, *store.page(count - len(found))]


def _strangers(store: "Store", records: Sequence[Record]) -> dict[str, float | None]:
    """The scores of pictures with the nearest that is no copy, by id; None where all near it are copies."""
    found: dict[str, float | None] = {}
    for start in range(0, len(records), AT_ONCE):
        some = records[start : start + AT_ONCE]
        hits = [store.search(_vector(record), NEIGHBOURS) for record in some]
        others = store.get(list({hit.id for nearest in hits for hit in nearest[:NEAREST]}))
        for record, nearest in zip(some, hits, strict=True):
            best = _best_stranger(record, nearest[:NEAREST], others)
            if best is None:
                best = _best_stranger(record, nearest[NEAREST:], store.get([hit.id for hit in nearest[NEAREST:]]))
            found[record.id] = best
    return found


def _best_stranger(record: Record, hits: Sequence[Hit], others: Mapping[str, Record]) -> float | None:
    for hit in hits:
        other = others.get(hit.id)
        if other is not None and other.sha256 != record.sha256 and hamming(other.pdq, record.pdq) > SAME_PICTURE:
            return hit.score
    return None


def _told(scores: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([score for score in scores if score is not None], np.float64)


def _vector(record: Record) -> Vector:
    assert record.vector is not None  # it was asked for
    return record.vector


def _copies(
    pool: ThreadPoolExecutor,
    numbers: Sequence[int],
    records: Mapping[str, Record],
    ids: Sequence[str],
    views: "Views",
    original: Callable[[Record], bytes],
) -> Generator[tuple[Record, Pixels] | None, None, None]:
    """Edited copies of pictures by their ``numbers`` in ``ids``, ready for the encoder and made ahead of it.

    None where a file cannot be read.
    """

    def made(number: int) -> tuple[Record, Pixels] | None:
        try:
            record = records[ids[number]]
            picture = views.decode(original(record))
        except (YunmengError, KeyError):  # its file may be gone
            return None
        return record, views.main(edited(picture.image, np.random.default_rng(number))).prepared

    return bounded_map(pool, made, numbers, 2 * BATCH)


def fit(sample: Sample, edition: int, pictures: int) -> Calibration:
    """Return the curve through a sample; strangers and copies are assumed to be equally frequent among queries."""
    from scipy.optimize import minimize

    nearness = np.array([_nearness(score) for score in (*sample.strangers, *sample.copies)])
    n, m = len(sample.strangers), len(sample.copies)
    targets = np.concatenate([np.full(n, 1 / (n + 2)), np.full(m, (m + 1) / (m + 2))])
    weights = np.concatenate([np.full(n, 0.5 / n), np.full(m, 0.5 / m)])

    def loss(parameters: NDArray[np.float64]) -> float:
        z = parameters[0] * nearness + parameters[1]
        return float(weights @ (np.logaddexp(0, z) - targets * z))

    best = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.0, 50.0), (-100.0, 100.0)]).x
    return Calibration(edition=edition, pictures=pictures, slope=best[0], offset=best[1])


def _nearness(score: float) -> float:
    """Return minus the logarithm of the angle, as far from 0 as float32 can tell.

    It uses `math`: NumPy takes ten times as long for a single number, and each hit of each search has its own.
    """
    return -math.log(max(math.acos(max(-1.0, min(1.0, score))), LEAST_ANGLE))


def reliability(
    chances: Sequence[float], real: Sequence[bool], bins: int = 10, weights: Sequence[float] | None = None
) -> list[Bin]:
    """Return how often hits were real, for ``bins`` equal ranges of their predicted chance, without empty ones."""
    told, truth = np.asarray(chances, np.float64), np.asarray(real, np.float64)
    weight = np.ones_like(told) if weights is None else np.asarray(weights, np.float64)
    place = np.minimum((told * bins).astype(int), bins - 1)
    return [
        Bin(
            int(mask.sum()),
            float(np.average(told[mask], weights=weight[mask])),
            float(np.average(truth[mask], weights=weight[mask])),
        )
        for mask in (place == number for number in range(bins))
        if mask.any()
    ]


def held_out(sample: Sample, seed: int = 0) -> list[Bin]:
    """Return the reliability of a curve that was fitted to one half of a sample, on the other half."""
    random = np.random.default_rng(seed)
    strangers, copies = random.permutation(sample.strangers), random.permutation(sample.copies)
    a, b = len(strangers) // 2, len(copies) // 2
    learnt = fit(Sample(strangers[:a], copies[:b]), 0, 0)
    scores = [*strangers[a:], *copies[b:]]
    weights = [0.5 / len(strangers[a:])] * len(strangers[a:]) + [0.5 / len(copies[b:])] * len(copies[b:])
    real = [False] * len(strangers[a:]) + [True] * len(copies[b:])
    return reliability([learnt.chance(score) for score in scores], real, weights=weights)
