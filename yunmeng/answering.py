"""An open library's answers: what can be asked of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from yunmeng.holdings import Holdings
from yunmeng.retrieval import Comparison, Part, QueryPicture, Question, check_region, compare_records, read_filter
from yunmeng.stores import Filter, check
from yunmeng.types import Hits, Record, Vector

if TYPE_CHECKING:
    from yunmeng.subject import Subject

__all__ = ["Answering"]


class Answering(Holdings):
    """The questions that an open library answers."""

    def search(
        self,
        image: QueryPicture | None = None,
        *,
        id: str | None = None,
        vector: ArrayLike | None = None,
        text: str | None = None,
        mix: Sequence[Part] = (),
        region: Sequence[float] | None = None,
        subject: bool | None = None,
        regions: bool = False,
        k: int = 10,
        offset: int = 0,
        filter: str | Filter | None = None,
        min_score: float | None = None,
        min_chance: float | None = None,
    ) -> Hits:
        """The k pictures that fit best, best first. Ask with one of the first four, with a ``mix``, or with both.

        ``image`` is a path, a URL, a file's bytes, a Pillow image or RGB pixels; ``id`` that of a picture in the
        library, which is then the first hit; ``vector`` an embedding of the library's encoder, (dim,); ``text`` words,
        in Chinese or English. ``mix`` holds more such parts with weights: ``Part(text="red", weight=0.5)`` or
        ``Part(id="7", weight=-1)``, which hits are to be unlike. ``region`` is the part of the picture to ask with: x,
        y, width and height in fractions of it; ``subject`` cuts it to its main subject, or leaves it whole. ``regions``
        looks at the parts of the library's pictures too; hits then say which part it is.

        ``offset`` passes over the best hits, for the next page. ``filter`` reads like SQL: ``"category = 'shoes' and
        price < 50"``. Hits below ``min_score`` are left out, and those that are real with less than ``min_chance``.
        Scores are cosine similarities in [-1, 1]; words that fit names or attributes as well score in (0, 1] by rank.

        Raises `PictureError`, `RecordNotFound`, `FilterError`, `MissingExtra`, or `QueryError` for what the library
        cannot answer.
        """
        parsed = read_filter(filter)
        if parsed is not None:
            check(parsed, self.schema)  # here too, so that it is told before the query is encoded
        given = image is not None or id is not None or vector is not None or text is not None
        part = None if region is None else check_region(region)
        parts = [Part(image, id, vector, text, region=part), *mix] if given or part is not None else mix
        question = Question(parts, k, offset, parsed, min_score, min_chance, regions, subject)
        return self._edition.asker.ask(question)

    def embed(self, image: QueryPicture, region: Sequence[float] | None = None) -> Vector:
        """The embedding of a picture, or a region of it, float32 (dim,), L2-normalised."""
        return self._edition.embedder.embed(image, None if region is None else check_region(region), {})

    def subject(self, image: QueryPicture) -> "Subject":
        """Where the main subject of a picture is. Raises `PictureError`."""
        return self._edition.views.subject_of(self._edition.embedder.source(image))

    def compare(self, a: Record | str | Path | bytes, b: Record | str | Path | bytes) -> Comparison:
        """How alike two pictures are, each a path, a URL, a file's bytes or a record that was got with its vector.

        Raises `PictureError`.
        """
        timings: dict[str, float] = {}
        portrait = self._edition.embedder.portrait
        one, other = (side if isinstance(side, Record) else portrait(side, timings) for side in (a, b))
        return compare_records(one, other, timings)
