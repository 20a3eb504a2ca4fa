"""From evidence to one number: the chance that a picture is the original of a suspect."""

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from yunmeng.copies.alignment import align, within
from yunmeng.copies.content import equal_at_sight
from yunmeng.copies.features import LocalFeatures, local_features
from yunmeng.copies.ncc import aligned_ncc, whole_ncc
from yunmeng.copies.prepared import FIRST_LOOK, PreparedPicture
from yunmeng.copies.registration import is_plain, luma
from yunmeng.imaging.fingerprint import ORIENTATIONS, oriented_pdq
from yunmeng.search.metrics import codes_of_hex
from yunmeng.types import Alignment, Record

if TYPE_CHECKING:
    from yunmeng.copies.query_crops import Look
    from yunmeng.copies.remembered import RememberedFeatures
    from yunmeng.copies.verification import Verification
    from yunmeng.copies.verifier import Verifier
    from yunmeng.imaging.decode import Picture

__all__ = ["Evidence", "ScoredCandidate", "Suspect", "chance", "cues", "score_candidates", "verify_likely"]

_FAR: Final = 128
"""Bits by which the fingerprints of strangers differ."""
_CHANCE: Final = 0.5
"""Correlation of pixels that strangers with the same pose or the same background reach."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence that one picture is the original of another.

    ``cosine`` is the greatest similarity of any view of the suspect to the picture, ``bits`` the least distance of a
    fingerprint of the suspect, of 256. ``laid`` is the correlation of their pixels when they are laid over each other
    as whole pictures, turned as the fingerprints say. ``inliers`` counts the local features that agree, 0 where too few
    do; ``agreement`` is the correlation of pixels as they then lie, and ``overlap`` the greater share of the two that
    the other shows. ``read`` says whether the picture's file could be read.
    """

    cosine: float
    bits: int
    read: bool = False
    laid: float = 0.0
    inliers: int = 0
    agreement: float = 0.0
    overlap: float = 0.0


def cues(evidence: Evidence) -> NDArray[np.float64]:
    """Return the numbers that `chance` weighs, (n,)."""
    near = max(0.0, 1 - evidence.bits / _FAR) ** 2
    if not evidence.read:
        return np.array([evidence.cosine, near])
    laid, agreed = (max(0.0, value - _CHANCE) for value in (evidence.laid, evidence.agreement))
    counted = math.log1p(evidence.inliers)
    return np.array([evidence.cosine, near, laid, counted, agreed, counted * agreed])


_SEEN: Final = (np.array([0.772, 11.381, 4.421, 1.225, 8.524, 1.35]), -9.158)
_UNSEEN: Final = (np.array([12.908, 18.767]), -13.654)
"""Weights of the cues, and an offset, with the file of the candidate and without it."""


def chance(evidence: Evidence) -> float:
    """Return the chance in [0, 1] that the suspect was made from the picture."""
    weights, offset = _SEEN if evidence.read else _UNSEEN
    return 1 / (1 + math.exp(-float(weights @ cues(evidence) + offset)))


_UNLIKE: Final = 0.49
"""Times the chance of what is no copy when it is verified: below even, whatever spoke for it."""
_APART: Final = 0.1
"""The same, where it only shares a template or a scene."""
_VERIFIED_FROM: Final = 0.1
"""Chance from which a candidate is verified,"""
_LAID_ALIKE: Final = 0.95
"""or correlation as they lie over each other: of a plain picture neither fingerprint nor features say anything."""
_FEWEST: Final = 4  # inliers, where the pixels are looked at as well
_PLENTY: Final = 25  # inliers that need no other look
_LAID: Final = 2  # ways of laying one picture over the other, those with the nearest fingerprints
_PART_SIDE: Final = 400  # pixels of the longer side at which a part of the suspect is looked at


class ScoredCandidate(NamedTuple):
    """A candidate: its record, the evidence, how the suspect lies in it, and the result of verifying it.

    ``verification`` is None where the candidate was too unlikely to be verified, or its file cannot be read.
    """

    record: Record
    evidence: Evidence
    alignment: Alignment | None
    verification: "Verification | None" = None

    @property
    def is_copy(self) -> bool | None:
        """True for a verified copy, False for what was verified to be none, None for what was not verified."""
        return None if self.verification is None else self.verification.is_copy

    @property
    def score(self) -> float:
        """The chance in [0, 1] that the suspect was made from it: even or more for a copy, less for none."""
        found = chance(self.evidence)
        if self.verification is None:
            return found
        if self.verification.is_copy:
            return (1 + found) / 2
        return found * (_UNLIKE if self.verification.difference is None else _APART)


class Suspect:
    """A suspect picture and its views, with what they have shown so far. Threads that score candidates share it."""

    def __init__(self, picture: "Picture") -> None:
        self.picture = picture.image
        self.prepared: Final = PreparedPicture(picture)
        self.looks: list[Look] = []
        self.vectors = np.empty((0, 0), np.float32)
        self.codes = np.empty((0, len(ORIENTATIONS), 32), np.uint8)
        self._features: dict[int, LocalFeatures] = {}
        self._locks: list[threading.Lock] = []

    @cached_property
    def is_plain(self) -> bool:
        """True where there is nothing to recognise: one colour, or one that shades off into another."""
        small = np.asarray(self.picture.resize((64, 64), Image.Resampling.BOX), np.float32)
        return is_plain(luma(small), np.ones((64, 64), np.bool_))

    def add(self, looks: "Sequence[Look]", vectors: NDArray[np.float32]) -> None:
        """Add views, each with its embedding, float32 (n, dim)."""
        nothing = np.zeros((len(ORIENTATIONS), 32), np.uint8)
        codes = [codes_of_hex(oriented_pdq(look.picture)) if look.hashed else nothing for look in looks]
        self.codes = np.concatenate([self.codes, np.array(codes)])
        self.vectors = np.concatenate([self.vectors.reshape(-1, vectors.shape[1]), vectors])
        self.looks += looks
        self._locks += [threading.Lock() for _ in looks]

    def features(self, number: int) -> LocalFeatures:
        """Return the local features of a view, by its number."""
        with self._locks[number]:
            if number == 0:
                return self.prepared.features(*FIRST_LOOK)
            if number not in self._features:
                self._features[number] = local_features(self.looks[number].picture, _PART_SIDE)
            return self._features[number]


def score_candidates(suspect: Suspect, records: Mapping[str, Record], verifier: "Verifier") -> list[ScoredCandidate]:
    """Return the candidates with their scores, in no particular order; each has its vector. Raises `MissingExtra`."""
    if not records:
        return []
    vectors = np.array([record.vector for record in records.values()], np.float32)
    codes = codes_of_hex([record.pdq for record in records.values()])
    cosines = dict(zip(records, np.clip(suspect.vectors @ vectors.T, -1, 1).T, strict=True))
    differing = np.bitwise_count(suspect.codes[:, :, None] ^ codes).sum(axis=-1, dtype=np.int64)
    differing[[number for number, look in enumerate(suspect.looks) if not look.hashed]] = 8 * codes.shape[1]
    bits = {id: differing[:, :, column] for column, id in enumerate(records)}

    def look(id: str, picture: "Picture") -> tuple[Evidence, Alignment | None]:
        return _looked(suspect, picture.image, verifier.remembered, cosines[id], bits[id])

    seen = verifier.each(list(records), look)
    return [
        ScoredCandidate(record, *seen.get(id, (Evidence(float(cosines[id].max()), int(bits[id].min())), None)))
        for id, record in records.items()
    ]


def verify_likely(suspect: Suspect, scored: Sequence[ScoredCandidate], verifier: "Verifier") -> list[ScoredCandidate]:
    """Return the candidates, the likely ones of them verified. Raises `MissingExtra`."""
    likely = [
        one.record.id
        for one in scored
        if one.evidence.read and (one.score >= _VERIFIED_FROM or one.evidence.laid >= _LAID_ALIKE)
    ]
    found = verifier.verify(suspect.prepared, likely)
    return [one._replace(verification=found.get(one.record.id)) for one in scored]


def _looked(
    suspect: Suspect,
    image: Image.Image,
    remembered: "RememberedFeatures",
    cosines: NDArray[np.float32],
    bits: NDArray[np.int64],
) -> tuple[Evidence, Alignment | None]:
    found, agreed = _aligned(suspect, image, remembered.of(image), cosines, bits)
    evidence = Evidence(
        cosine=float(cosines.max()),
        bits=int(bits.min()),
        read=True,
        laid=_laid(suspect, image, bits),
        inliers=0 if found is None else found.inliers,
        agreement=agreed,
        overlap=0.0 if found is None else max(found.query_overlap, found.target_overlap),
    )
    return evidence, found


def _aligned(
    suspect: Suspect,
    image: Image.Image,
    target: LocalFeatures,
    cosines: NDArray[np.float32],
    bits: NDArray[np.int64],
) -> tuple[Alignment | None, float]:
    """The alignment by which the pixels agree best, and how well they do."""
    best: tuple[Alignment | None, float] = (None, 0.0)
    for number in (0, *_likely_parts(suspect.looks, cosines, bits)):
        look = suspect.looks[number]
        found = align(suspect.features(number), target, _FEWEST)
        if found is not None and look.region is not None and look.is_part:
            found = within(found, look.region)
        if found is None:
            continue
        agreed = aligned_ncc(look.picture if look.negative else suspect.picture, image, found)
        if agreed * np.log1p(found.inliers) > best[1] * np.log1p(best[0].inliers if best[0] else 0):
            best = (found, agreed)
        if found.inliers >= _PLENTY:
            break
    return best


def _likely_parts(looks: "Sequence[Look]", cosines: NDArray[np.float32], bits: NDArray[np.int64]) -> list[int]:
    """The part of the suspect with the most similar vector, and the one with the nearest fingerprint; and the negative
    where it is nearer than the suspect itself."""
    parts = [number for number, look in enumerate(looks) if look.is_part]
    hashed = [number for number in parts if looks[number].hashed]
    likely = [max(parts, key=lambda number: float(cosines[number]))] if parts else []
    if hashed:
        likely.append(min(hashed, key=lambda number: int(bits[number].min())))
    for number, look in enumerate(looks):
        if look.negative and (bits[number].min() < bits[0].min() or cosines[number] > cosines[0]):
            likely.append(number)
    return list(dict.fromkeys(likely))


def _laid(suspect: Suspect, image: Image.Image, bits: NDArray[np.int64]) -> float:
    """Return the best correlation of the two laid over each other as their nearest fingerprints say.

    Fingerprints of plain pictures mean nothing: these get 1 where they are equal at sight.
    """
    best = 0.0
    for place in np.argsort(bits, axis=None, kind="stable")[:_LAID].tolist():
        number, way = divmod(place, bits.shape[1])
        turn, picture = ORIENTATIONS[way], suspect.looks[number].picture
        best = max(best, whole_ncc(picture if turn is None else picture.transpose(turn), image))
    return 1.0 if suspect.is_plain and equal_at_sight(suspect.picture, image) else best
