"""Why a picture is a hit: which places of it and of the query are alike, and which words both have.

The heat of a place is the cosine of its own embedding with the embedding of the whole other side (Stylianou, Souvenir
and Pless, "Visualizing Deep Similarity Networks", WACV 2019, decompose a score in this way). Places are those of the
encoder's last feature map: 9 x 9 for efficientnet-lite2. An encoder that shows no such map has no heat.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from yunmeng.encoders.protocol import PlaceEncoder
from yunmeng.errors import MissingExtra
from yunmeng.search.query import timed
from yunmeng.stores.fulltext import shared_words
from yunmeng.types import HeatMap, Region, Why

if TYPE_CHECKING:
    from yunmeng.encoders.crops.views import Source, View, Views
    from yunmeng.encoders.protocol import Encoder, TextEncoder
    from yunmeng.search.bands import Bands
    from yunmeng.search.calibration import Calibration
    from yunmeng.search.query import Embedder
    from yunmeng.types import QueryPart, Record, Vector

__all__ = ["Explainer"]

FULL_HEAT: Final = 0.4
"""The least cosine that is shown as full heat: where nothing is alike, nothing glows."""


class _Encoding(Protocol):
    @property
    def encoder(self) -> "Encoder": ...
    @property
    def embedder(self) -> "Embedder": ...
    @property
    def views(self) -> "Views": ...
    @property
    def texts(self) -> "TextEncoder | None": ...


class Explainer:
    """Says what of a query and of a picture is alike. Threads may share it.

    ``find`` returns a record with its vector, ``read`` its file; ``calibration`` and ``bands`` say what scores mean.
    """

    def __init__(
        self,
        encoding: _Encoding,
        find: "Callable[[str], Record]",
        read: "Callable[[Record], bytes]",
        calibration: "Callable[[], Calibration | None]",
        bands: "Callable[[], Bands | None]",
    ) -> None:
        self._encoding = encoding
        self._find = find
        self._read = read
        self._calibration = calibration
        self._bands = bands

    def explain(self, query: "QueryPart", hit: str) -> Why:
        """Return why the picture ``hit`` is like ``query``. Raises as `yunmeng.library.library.Library.why` says."""
        record, timings = self._find(hit), dict[str, float]()
        assert record.vector is not None  # it is found with it
        asked, view, words = self._asked(query, timings)
        maps = [] if asked is None else self._maps(record, asked, view, timings)
        score = None if query.text is not None or asked is None else float(np.clip(asked @ record.vector, -1, 1))
        calibration, bands = self._calibration(), self._bands()
        return Why(
            id=record.id,
            score=score,
            chance=None if calibration is None or score is None or query.region else calibration.chance(score),
            band=None if bands is None or score is None else bands.band(score),
            hit=maps[0] if maps else None,
            query=maps[1] if len(maps) > 1 else None,
            words=shared_words(words, record),
            timings=timings,
        )

    def _maps(self, record: "Record", asked: "Vector", view: "View | None", timings: dict[str, float]) -> list[HeatMap]:
        """The map of a hit, and that of the query's ``view`` where there is one; none where the encoder shows none."""
        encoder = self._encoding.encoder
        if not isinstance(encoder, PlaceEncoder):
            return []
        with timed(timings, "read"):
            shown = self._encoding.views.main(self._read(record))
        views, others = ([shown], [asked]) if view is None else ([shown, view], [asked, record.vector])
        with timed(timings, "encode"):
            places = encoder.embed_places([one.prepared for one in views])
        if places is None:
            return []
        heats = [np.maximum(place @ other, 0) for place, other in zip(places, others, strict=True)]
        full = max(FULL_HEAT, *(float(heat.max()) for heat in heats))
        return [_map(heat / full, one.region) for heat, one in zip(heats, views, strict=True)]

    def _asked(self, query: "QueryPart", timings: dict[str, float]) -> "tuple[Vector | None, View | None, str]":
        """The query's embedding, the view that it is of, and its words."""
        if query.text is not None:
            return self._meaning(query.text, timings), None, query.text
        embedder, words = self._encoding.embedder, ""
        source: Source
        if query.id is not None:
            known = self._find(query.id)
            source, words = self._read(known), _words(known)
            vector = known.vector if query.region is None else embedder.embed(source, query.region, timings)
        else:
            assert query.image is not None
            with timed(timings, "read"):
                source = embedder.source(query.image)
            vector = embedder.embed(source, query.region, timings)
        with timed(timings, "read"):
            views = self._encoding.views
            view = views.main(source) if query.region is None else views.part(source, query.region)
        return vector, view, words

    def _meaning(self, text: str, timings: dict[str, float]) -> "Vector | None":
        """The embedding of words; None where they are looked up by name alone."""
        if (texts := self._encoding.texts) is None:
            return None
        with timed(timings, "encode"), suppress(MissingExtra):
            vector: Vector = texts.encode_texts([text])[0]
            return vector
        return None


def _map(heat: "NDArray[np.float32]", region: Region) -> HeatMap:
    return HeatMap(region, tuple(tuple(round(float(value), 4) for value in row) for row in heat))


def _words(record: "Record") -> str:
    """What people wrote about a picture: the values of its attributes that are text."""
    values = record.attributes.values()
    texts = [value for value in values if isinstance(value, str)]
    return " ".join([*texts, *(word for value in values if isinstance(value, list) for word in value)])
