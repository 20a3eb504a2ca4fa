"""An open library's answers: what can be asked of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from yunmeng.copies import Comparable, Comparer, Comparison, Evidence
from yunmeng.errors import QueryError
from yunmeng.library.reader import LibraryReader
from yunmeng.search import Part, QueryPicture, Question, check_region, read_filter, read_steps
from yunmeng.stores import Filter, check, check_group
from yunmeng.types import Hits, Metric, Vector

if TYPE_CHECKING:
    from yunmeng.encoders.subject import Subject

__all__ = ["Answering"]


class Answering(LibraryReader):
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
        rerank: str | Sequence[str] = (),
        metric: Metric | None = None,
        group_by: str | None = None,
        explain: bool = False,
    ) -> Hits:
        """The k pictures that fit best, best first. Ask with one of the first four, with a ``mix``, or with both.

        ``image`` is a path, a URL, a file's bytes, a Pillow image or RGB pixels; ``id`` that of a picture in the
        library, which is then always the first hit if it passes the filter; ``vector`` an embedding of the library's
        encoder, (dim,); ``text`` words, in Chinese or English. ``mix`` holds more such parts with weights:
        ``Part(text="red", weight=0.5)`` or ``Part(id="7", weight=-1)``, which hits are to be unlike. ``region`` is the
        part of the picture to ask with: x, y, width and height in fractions of it; ``subject`` cuts it to its main
        subject, or leaves it whole. ``regions`` looks at the parts of the library's pictures too; hits then say which
        part it is.

        ``offset`` passes over the best hits, for the next page. ``filter`` reads like SQL: ``"category = 'shoes' and
        price < 50"``. Hits below ``min_score`` are left out, and those that are real with less than ``min_chance``.
        Scores are cosine similarities in [-1, 1]; words that fit names or attributes as well score in (0, 1] by rank.

        ``rerank`` names steps that put the first hits in a better order, one upon the other: average, alpha, expand,
        reciprocal, diffusion, geometry, diverse, see docs/ranking.md; hits then have the score of the last of them, and
        an ``alignment`` by geometry. ``metric`` scores the nearest by cosine anew, exactly: euclidean, manhattan,
        hamming, or fingerprint (of one picture); None is the library's. ``group_by`` names an attribute, a str: only
        the best hit of each of its values is kept, and none without one. ``explain`` tells what each step made of a
        hit. ``chance`` and ``min_chance`` go by the cosine, whatever steps there are.

        Raises `PictureError`, `RecordNotFound`, `FilterError`, `MissingExtra`, or `QueryError` for what the library
        cannot answer.
        """
        parsed = read_filter(filter)
        if parsed is not None:
            check(parsed, self.schema)  # here too, so that it is told before the query is encoded
        if group_by is not None:
            check_group(group_by, self.schema)
        given = image is not None or id is not None or vector is not None or text is not None
        part = None if region is None else check_region(region)
        parts = [Part(image, id, vector, text, region=part), *mix] if given or part is not None else mix
        steps = read_steps(rerank)
        question = Question(
            parts, k, offset, parsed, min_score, min_chance, regions, subject, steps, metric, group_by, explain
        )
        return self._generation.answers.ask(question)

    def embed(self, image: QueryPicture, region: Sequence[float] | None = None) -> Vector:
        """The embedding of a picture, or a region of it, float32 (dim,), L2-normalised."""
        return self._generation.embedder.embed(image, None if region is None else check_region(region), {})

    def subject(self, image: QueryPicture) -> "Subject":
        """Where the main subject of a picture is. Raises `PictureError`."""
        return self._generation.views.subject_of(self._generation.embedder.source(image))

    def match(
        self, image: QueryPicture, *, k: int = 10, filter: str | Filter | None = None, min_score: float = 0.0
    ) -> Hits:
        """The k likeliest media of a suspect picture, which may be an edited copy, the likeliest first.

        ``image`` is a path, a URL, a file's bytes, a Pillow image or RGB pixels. A hit's ``score`` is the chance in
        [0, 1] that the suspect was made from it, and its ``alignment`` how the suspect lies in it, where local features
        tell. Below 0.5 there is most likely no original here; hits below ``min_score`` are left out. ``filter`` is as
        in `search`.

        Raises `PictureError`, `FilterError`, `MissingExtra` without the extra ``copies``, and `QueryError`.
        """
        if k < 1:
            raise QueryError(f"k must be at least 1, not {k}")
        parsed = read_filter(filter)
        if parsed is not None:
            check(parsed, self.schema)
        return self._generation.copies.match(self._generation.embedder.source(image), k, parsed, min_score)

    def compare(self, a: Comparable, b: Comparable) -> Comparison:
        """What became of ``b``, an original, if ``a``, a suspect picture, was made from it.

        Each is a path, a URL, a file's bytes, or a record that was got with its vector. Raises `PictureError`,
        `OriginalGone`, and `MissingExtra` where only local features can tell.
        """
        return self._comparer.compare(a, b)

    def evidence(self, a: Comparable, b: Comparable, names: tuple[str, str] = ("", "")) -> Evidence:
        """As `compare`, with a picture that shows what matches where; ``names`` are what the two are called in it."""
        return self._comparer.evidence(a, b, names)

    @property
    def _comparer(self) -> Comparer:
        resources = self._resources
        return Comparer(self._generation.embedder, resources.media.read, resources.settings.max_pixels)
