"""Comparison of two pictures: a suspect and an original."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final, NamedTuple

from yunmeng.copies.evidence import Panel, draw_evidence
from yunmeng.copies.prepared import READ_SIDE, PreparedPicture
from yunmeng.copies.verification import Verification, edits_between, verify
from yunmeng.imaging.decode import Picture, decode
from yunmeng.imaging.fingerprint import hamming
from yunmeng.search.query import Embedder, Timings, timed
from yunmeng.types import Comparable, Comparison, Edit, Evidence, Record, Verdict

__all__ = ["Comparable", "Comparer", "Comparison", "Evidence"]

_NO_EDITS: Final = frozenset({"scale"})
"""What leaves a picture the same to people."""


class _Side(NamedTuple):
    record: Record
    data: bytes


class Comparer:
    """Compares pictures by their bytes, their fingerprints, their embeddings and their pixels.

    ``original`` gives the file's bytes of a record.
    """

    def __init__(self, embedder: Embedder, original: Callable[[Record], bytes], max_pixels: int) -> None:
        self._embedder = embedder
        self._original = original
        self._max_pixels = max_pixels

    def compare(self, a: Comparable, b: Comparable) -> Comparison:
        """Compare ``a``, the suspect, with ``b``, the original. Records come with their vectors.

        Raises `PictureError`, `OriginalGone`, and `MissingExtra` where local features are needed: where the files
        differ and neither picture matches the other as a whole, in any of the eight ways to turn and mirror it.
        """
        return self._compared(a, b)[0]

    def evidence(self, a: Comparable, b: Comparable, names: tuple[str, str] = ("", "")) -> Evidence:
        """Compare as `compare` does, and draw what lies where; ``names`` are the labels of the two in the drawing."""
        comparison, pictures = self._compared(a, b)
        first, second = (
            Panel(picture.pixels, (picture.width, picture.height), name)
            for picture, name in zip(pictures, names, strict=True)
        )
        figures = {
            "pHash": f"{comparison.phash_distance} / 64",
            "PDQ": f"{comparison.pdq_distance} / 256",
            "similarity 相似度": f"{comparison.score:.3f}",
        }
        said = comparison.difference or comparison.verdict
        drawn = draw_evidence(first, second, said, comparison.edits, comparison.alignment, figures)
        return Evidence(comparison, drawn)

    def _compared(self, a: Comparable, b: Comparable) -> tuple[Comparison, tuple[Picture, Picture]]:
        timings: dict[str, float] = {}
        one, other = self._side(a, timings), self._side(b, timings)
        with timed(timings, "read"):
            pictures = self._decoded(one.data), self._decoded(other.data)
        began = perf_counter()
        same_file = one.record.sha256 == other.record.sha256
        a_seen, b_seen = (PreparedPicture(picture) for picture in pictures)
        found = Verification.of_itself() if same_file else verify(a_seen, b_seen)
        edits = () if same_file else edits_between(a_seen, b_seen, found)
        timings["align"] = perf_counter() - began
        assert one.record.vector is not None
        assert other.record.vector is not None
        comparison = Comparison(
            verdict=_verdict(found, edits, same_file),
            edits=edits,
            alignment=found.alignment,
            same_file=same_file,
            phash_distance=hamming(one.record.phash, other.record.phash),
            pdq_distance=hamming(one.record.pdq, other.record.pdq),
            score=min(1.0, max(-1.0, float(one.record.vector @ other.record.vector))),
            timings=timings,
            difference=found.difference,
        )
        return comparison, pictures

    def _side(self, picture: Comparable, timings: Timings) -> _Side:
        if isinstance(picture, Record):
            with timed(timings, "read"):
                return _Side(picture, self._original(picture))
        with timed(timings, "read"):
            data = self._embedder.source(picture)
        assert isinstance(data, bytes)
        return _Side(self._embedder.portrait(data, timings), data)

    def _decoded(self, data: bytes) -> Picture:
        return decode(data, at_least=READ_SIDE, max_pixels=self._max_pixels)


def _verdict(found: Verification, edits: Sequence[Edit], same_file: bool) -> Verdict:
    if same_file:
        return "same-file"
    if not found.is_copy:
        return "different"
    return "edited-copy" if {edit.name for edit in edits} - _NO_EDITS else "same-picture"
