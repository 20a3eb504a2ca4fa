"""The values that pass between the rooms."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Self, TypeAlias, TypedDict

from yunmeng.errors import QueryError

__all__ = [
    "MOST_PARTS",
    "UNLIKE_WEIGHT",
    "AddStatus",
    "Addition",
    "Alignment",
    "AttributeSchema",
    "AttributeType",
    "AttributeValue",
    "Attributes",
    "Band",
    "Closing",
    "Comparable",
    "Comparison",
    "Contribution",
    "Device",
    "Difference",
    "Edit",
    "EditName",
    "Enhancement",
    "Evidence",
    "Failure",
    "HeatMap",
    "Hit",
    "Hits",
    "IndexReport",
    "Job",
    "JobStatus",
    "LibraryInfo",
    "LibraryMetric",
    "Metric",
    "OnTally",
    "Option",
    "Palette",
    "Pixels",
    "Progress",
    "QueryPart",
    "QueryPicture",
    "Record",
    "Region",
    "RegionVector",
    "RunnerName",
    "Scope",
    "SearchKeywords",
    "SearchOptions",
    "StepName",
    "Subject",
    "Swatch",
    "Tally",
    "Vector",
    "Verdict",
    "Why",
]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from PIL import Image

    Pixels: TypeAlias = NDArray[np.uint8]
    """An upright sRGB picture: uint8, (height, width, 3), 0-255."""

    Vector: TypeAlias = NDArray[np.float32]
    """One embedding: float32, (dim,), L2-normalised."""

    QueryPicture: TypeAlias = str | Path | bytes | Image.Image | NDArray[np.uint8]
    """A path, a URL, a picture file's bytes, a Pillow image, or RGB pixels, uint8 (height, width, 3)."""
else:

    def __getattr__(name: str) -> object:
        # Clients, commands and bodies of requests need the words of this module, and not NumPy.
        if name not in ("Pixels", "QueryPicture", "Vector"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import numpy as np
        from numpy.typing import NDArray
        from PIL import Image

        if name == "QueryPicture":
            return str | Path | bytes | Image.Image | NDArray[np.uint8]
        return NDArray[np.uint8] if name == "Pixels" else NDArray[np.float32]


MOST_PARTS: Final = 256
"""Pictures of one file that can be asked for: what is prepared of them waits in memory together."""

UNLIKE_WEIGHT: Final = -0.5
"""Weight of what hits are to be unlike: with more, they are like nothing else any more."""

AttributeType: TypeAlias = Literal["str", "int", "float", "bool", "list[str]"]
AttributeValue: TypeAlias = str | int | float | bool | list[str] | None
Attributes: TypeAlias = Mapping[str, AttributeValue]
AttributeSchema: TypeAlias = Mapping[str, AttributeType]
Enhancement: TypeAlias = Literal["denoise", "contrast", "colour"]
Device: TypeAlias = Literal["auto", "cpu", "cuda", "tensorrt", "openvino", "coreml"]
FullText: TypeAlias = Literal["store", "state", "missing"]
"""What has the words of a library's names and attributes: its store, its state in PostgreSQL, or nothing."""
LibraryMetric: TypeAlias = Literal["cosine", "euclidean", "manhattan", "hamming"]
Metric: TypeAlias = Literal["cosine", "euclidean", "manhattan", "hamming", "fingerprint"]
StepName: TypeAlias = Literal["average", "alpha", "expand", "reciprocal", "diffusion", "geometry", "diverse"]
"""Steps of re-ranking that come with Yunmeng."""
Band: TypeAlias = Literal["same", "very-alike", "alike", "distant"]
"""How alike a hit and the query are, against what is usual in the library (`yunmeng.search.bands`)."""
Verdict: TypeAlias = Literal["same-file", "same-picture", "edited-copy", "different"]
"""The relation of two pictures."""
Difference: TypeAlias = Literal["other-content", "other-moment"]
"""Why two pictures that agree are no copies: a template with other entries, or one scene at another time."""
EditName: TypeAlias = Literal[
    "crop", "flip", "rotation", "scale", "stretch", "perspective", "inset",
    "colour", "recoloured", "grey", "negative", "blur", "noise", "overlay",
]  # fmt: skip
"""The edits of a copy."""
AddStatus: TypeAlias = Literal["added", "replaced", "updated", "unchanged"]
"""The result of adding a picture: ``replaced`` has new content, ``updated`` new attributes only."""
RunnerName: TypeAlias = Literal["local", "ray"]
"""Where new pictures are decoded and encoded (`yunmeng.ingest.runners`)."""
JobStatus: TypeAlias = Literal["queued", "running", "done", "interrupted", "cancelled", "failed"]
"""How far work in the background is; what is interrupted goes on, what is cancelled does not."""

Scope: TypeAlias = Literal["search", "write", "admin"]
"""What a key of the HTTP API allows, each what those before it do. search: ask and look; write: add, change and delete
pictures as well; admin: import from the server's disk, and what else is done in the background."""


class Region(NamedTuple):
    """A rectangle of an upright picture, in fractions of its width and height; (x, y) is its upper left corner."""

    x: float
    y: float
    w: float
    h: float


class RegionVector(NamedTuple):
    """A part of a picture and its embedding."""

    region: Region
    vector: "Vector"


@dataclass(frozen=True, slots=True)
class Option:
    """The description of a field of `SearchOptions`: a line of help, and its limits over HTTP and in commands."""

    help: str
    least: float | None = None
    most: float | None = None
    longest: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Field  # bodies of requests have it; commands need not

        return handler.generate_schema(Annotated[source, Field(ge=self.least, le=self.most, max_length=self.longest)])

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "description": self.help}


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The options of a search, except the number of hits, a filter and steps of re-ranking.

    Each option is declared here. `yunmeng.search.SearchRequest` derives from this class, and so does the body of
    ``POST /v1/search``, where no field may be declared again: pydantic would lose its limits in classes further down.
    The command makes an option of each field, and `SearchKeywords` names them for signatures.
    """

    min_score: Annotated[float | None, Option("Leave out hits that score less.", least=-1, most=1)] = None
    min_chance: Annotated[
        float | None,
        Option("Leave out hits that are less likely to be the same picture, in a library that knows.", least=0, most=1),
    ] = None
    regions: Annotated[
        bool,
        Option("Look at the parts of pictures too, in a library that keeps them; hits then say which part it is."),
    ] = False
    subject: Annotated[
        bool | None,
        Option(
            "Ask with the main subject of the pictures only, or with all of them; unless told, as the library does."
        ),
    ] = None
    metric: Annotated[
        Metric | None,
        Option("Score the nearest again, exactly, by this instead of the library's; fingerprint takes one picture."),
    ] = None
    group_by: Annotated[
        str | None,
        Option("Only the best hit of each value of this attribute, a declared str, and none without one.", longest=200),
    ] = None
    color: Annotated[
        str | None,
        Option("Colours, alone or beside a picture or words; shares if you like: #c0392b:0.6,white.", longest=200),
    ] = None
    explain: Annotated[bool, Option("Say what each step made of the score of each hit.")] = False


class SearchKeywords(TypedDict, total=False):
    """The fields of `SearchOptions`, as keywords of functions."""

    min_score: float | None
    min_chance: float | None
    regions: bool
    subject: bool | None
    metric: Metric | None
    group_by: str | None
    color: str | None
    explain: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One picture as a library keeps it.

    ``sha256``, 64 hex digits, is of the file's bytes, or of these and ``part``, the part of the file that the picture
    is (`yunmeng.media`), where that is not empty; ``phash`` 16 and ``pdq`` 64 hex digits; ``width`` and ``height`` are
    of the upright picture in pixels; ``palette`` has its colours, see `Palette.read`, and is empty where they were
    not computed; ``quality`` maps the score names of `yunmeng.imaging.quality` to their values.
    ``vector`` is None if it was not requested. ``regions`` are the regions by which the picture can be found, for a
    store that keeps such; None leaves those that the store has for these bytes.
    """

    id: str
    uri: str
    sha256: str
    phash: str
    pdq: str
    width: int
    height: int
    quality: Mapping[str, float] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    vector: "Vector | None" = None
    regions: tuple[RegionVector, ...] | None = None
    part: str = ""
    palette: str = ""


class Swatch(NamedTuple):
    """A colour, sRGB in 0-255, and its ``share``, in (0, 1]."""

    red: int
    green: int
    blue: int
    share: float

    @property
    def hex(self) -> str:
        """The colour as ``#c0392b``."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


class Palette(NamedTuple):
    """The colours of a picture's ``subject``, and of the ``whole`` picture, at most five each, the largest first."""

    subject: tuple[Swatch, ...]
    whole: tuple[Swatch, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the palette that `Record.palette` holds: without colours where that is empty."""
        subject, _, whole = text.partition("-")
        return cls(_swatches(subject), _swatches(whole))

    def text(self) -> str:
        """Return the palette as `Record.palette` holds it: RRGGBB and the share of 255 in hex, ``-`` between both."""
        return "-".join("".join(f"{one.hex[1:]}{round(255 * one.share):02x}" for one in each) for each in self)


def _swatches(text: str) -> tuple[Swatch, ...]:
    values = bytes.fromhex(text)
    fours = zip(*(values[channel::4] for channel in range(4)), strict=True)
    return tuple(Swatch(red, green, blue, share / 255) for red, green, blue, share in fours)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The position of a picture, the query, in another, the target, found by their local features.

    ``inliers`` counts the features that agree on one ``transform``, a 3 x 3 homography by rows that takes points of the
    query to points of the target, both in fractions of their width and height; where ``mirrored``, points of the query
    mirrored left to right. ``outline`` is the part of the query's frame that lies in the target, a polygon of at least
    three points in fractions of the target. ``query_overlap`` and ``target_overlap`` are the shares of either
    picture's area, in [0, 1], that the other one shows.
    """

    inliers: int
    transform: tuple[float, float, float, float, float, float, float, float, float]
    mirrored: bool
    outline: tuple[tuple[float, float], ...]
    query_overlap: float
    target_overlap: float


class Contribution(NamedTuple):
    """The ``score`` and the ``rank``, from 1, of a hit after one step of a search."""

    step: str
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer to a search. ``score`` is a similarity: higher is better, cosine in [-1, 1] unless words were asked.

    ``chance`` is the probability in [0, 1] that it is the same picture, edited or not, None in a library that has not
    learnt to tell. ``band`` says in words how alike it is, against what is usual in this library, whatever steps made
    of the score; None for words, mixtures and parts of pictures, and in a library of fewer than 50 pictures.
    ``region`` is the part of the picture that matches, where the parts of pictures were searched. ``alignment`` says
    how the query lies in it, if local features were compared and agree. ``explanation`` holds, if requested, every step
    that changed the score, in their order. ``recoloured`` says of the original of a copy that it shows the same in
    other colours, as photographs of two colours of one garment do.
    """

    id: str
    score: float
    uri: str
    attributes: Attributes
    chance: float | None = None
    band: Band | None = None
    region: Region | None = None
    alignment: Alignment | None = None
    explanation: tuple[Contribution, ...] = ()
    recoloured: bool = False


class Hits(list[Hit]):
    """The answer to a search, best first. ``timings`` are the seconds that each stage took: read, encode, search.

    ``cached`` says whether it comes from the cache; it is as fresh as any other.
    """

    def __init__(
        self, hits: Iterable[Hit] = (), timings: Mapping[str, float] | None = None, *, cached: bool = False
    ) -> None:
        super().__init__(hits)
        self.timings: Mapping[str, float] = timings or {}
        self.cached = cached


class HeatMap(NamedTuple):
    """How alike each place of a picture is to what it is compared with.

    ``rows`` are numbers in [0, 1] from the upper left on: 0 where nothing is alike, 1 where most is. They cover
    ``region`` of the picture evenly.
    """

    region: Region
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Why:
    """The answer to "why this hit?" about the picture ``id``.

    ``hit`` and ``query`` are the heat maps of the two pictures, both None with an encoder that shows no places, and
    ``query`` for words, which have no picture. ``score`` is the cosine of their embeddings, None for words; ``band``
    and ``chance`` are those of a `Hit`. ``words`` are those of the query, or of the attributes of the picture that is
    asked with, that the hit's name or attributes have as well. ``timings`` are the seconds that each stage took.
    """

    id: str
    score: float | None
    band: Band | None
    chance: float | None
    hit: HeatMap | None
    query: HeatMap | None
    words: tuple[str, ...]
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryPart:
    """One part of a question: exactly one of ``image``, ``id``, ``vector`` and ``text``.

    ``weight`` says how much it counts; below 0, hits are to be unlike it. ``region`` is the part of the picture to use.
    Raises `QueryError` if it is not valid.
    """

    image: "QueryPicture | None" = None
    id: str | None = None
    vector: "ArrayLike | None" = None
    text: str | None = None
    weight: float = 1.0
    region: Region | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.image, self.id, self.vector, self.text)) != 1:
            raise QueryError("a part of a question is exactly one of image, id, vector and text")
        if (isinstance(self.image, str) and not self.image) or (self.text is not None and _is_blank(self.text)):
            raise QueryError("the question is empty: ask with the path or URL of a picture, an id, or words")
        if self.region is not None and self.image is None and self.id is None:
            raise QueryError("a region goes with a picture: ask with image or id")
        if not math.isfinite(self.weight) or self.weight == 0:
            raise QueryError(f"a part's weight must be a number other than 0, not {self.weight:g}")


def _is_blank(text: str) -> bool:
    """Return whether ``text`` shows nothing: spaces of any kind, and characters without a shape or a width."""
    return not any(letter.isprintable() and not letter.isspace() for letter in text)


@dataclass(frozen=True, slots=True)
class Subject:
    """The place of the main subject of a picture.

    ``method`` is ``saliency`` if the network of the extra ``subject`` was used, else ``centre``. ``confidence``, in [0,
    1], is how far the subject stands out from what is around it; 0 goes with the whole picture, which is the answer
    where nothing stands out. It compares answers of one method, not of both.
    """

    region: Region
    method: Literal["saliency", "centre"]
    confidence: float


Comparable: TypeAlias = Record | str | Path | bytes
"""A path, a URL, a file's bytes, or the record of a picture of the library."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that was done to a picture.

    ``amount`` is in the edit's own measure: crop, the share of the original that is left; rotation, degrees clockwise;
    scale, new over old length; stretch, the change of width over height; inset, the share of the copy that the
    original takes up; colour, the root mean square change in grey levels of 255; blur, the Gaussian's sigma in pixels
    of the copy; noise, its standard deviation in grey levels; overlay, the share of what both show; perspective,
    recoloured, grey, negative and flip have none.
    ``detail`` says it to people, in English.
    """

    name: EditName
    amount: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of picture a, a suspect, with picture b, the original: whether and how a was made from b.

    ``verdict`` is "same-file" where the bytes are equal; "same-picture" where people see the same, compressed or scaled
    again; "edited-copy" where ``edits`` were made; "different" where nothing says that one was made from the other.
    ``difference`` says why two pictures are different although they agree: "other-content" on one template, as two
    invoices have; "other-moment" of one scene, as a face that smiles now. ``alignment`` is how a lies in b, None where
    they are different; its ``inliers`` are 0 where the whole frames match without the help of local features.

    ``phash_distance`` counts the bits of 64 that differ, ``pdq_distance`` of 256; ``score`` is the cosine of their
    embeddings in [-1, 1]; ``timings`` are the seconds that each stage took: read, encode, align.
    """

    verdict: Verdict
    edits: tuple[Edit, ...]
    alignment: Alignment | None
    same_file: bool
    phash_distance: int
    pdq_distance: int
    score: float
    timings: Mapping[str, float] = field(default_factory=dict)
    difference: Difference | None = None


class Evidence(NamedTuple):
    """A comparison, and a picture that shows it."""

    comparison: Comparison
    picture: "Image.Image"


@dataclass(frozen=True, slots=True)
class Addition:
    """The result for one picture: ``replaced`` has new content under a known id, ``updated`` new attributes only."""

    id: str
    status: AddStatus


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that could not be used: its path or URL, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Tally:
    """The progress of a run. ``total`` is None until everything has been counted."""

    phase: Literal["indexing", "optimising"] = "indexing"
    total: int | None = None
    indexed: int = 0
    skipped: int = 0
    failed: int = 0


OnTally: TypeAlias = Callable[[Tally], None]


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of a run.

    ``indexed`` counts the records that were written, ``skipped`` the pictures that were in the library as they are,
    ``failed`` names the others. ``interrupted`` says that the run was stopped before it had seen everything.
    ``passed_over`` counts files, by format, of formats that hold pictures and are not read, such as CR3 or SVG.
    """

    indexed: int
    skipped: int
    failed: list[Failure]
    seconds: float
    interrupted: bool = False
    passed_over: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a job. ``last_id`` is the last record that was acknowledged."""

    indexed: int = 0
    skipped: int = 0
    failed: int = 0
    last_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a long command, with the last checkpoint it made."""

    id: int
    kind: str
    arguments: Mapping[str, Any]
    status: JobStatus
    started_at: datetime
    finished_at: datetime | None
    progress: Progress
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """Facts of a library.

    ``full_text`` says what finds names and attributes by their words, ``words_missing`` how many pictures are not found
    by them yet. ``bytes`` is its size on disk; ``last_job`` the last run of ``index``.
    """

    path: str
    pictures: int
    encoder: str
    dim: int
    metric: LibraryMetric
    enhance: Sequence[Enhancement]
    subject: bool
    regions: bool
    augmented: bool
    full_text: FullText
    words_missing: int
    attributes: AttributeSchema
    created: str
    bytes: int
    last_job: Job | None


class Closing:
    """Base of everything that is opened: closed at the end of its ``with`` block."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
