"""The kinds of index that zvec has for vectors, chosen by the store's URL: ``zvec:?index=ivf&lists=1024``."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args
from urllib.parse import parse_qsl

from yunmeng.errors import StoreError

__all__ = ["HNSW", "MAX_EF", "IndexKind", "found_kind", "read_kind"]

Name: TypeAlias = Literal["hnsw", "ivf", "flat"]
Numbers: TypeAlias = Literal["int8", "fp16"]

ROUNDED: Final[dict[Numbers, str]] = {"int8": "INT8", "fp16": "FP16"}
"""What a graph can hold in place of whole vectors, and zvec's names for it."""

LISTS: Final = 256
"""Inverted lists: what suits up to some 100,000 pictures. zvec wants their number before there are any."""
MOST_LISTS: Final = 65_536
PROBED: Final = 8
"""The part of the lists, one in so many, that a search looks through; one with a filter through four times as many."""
FEWEST: Final = 8
MAX_EF: Final = 2048
"""Longest candidate list that zvec's HNSW takes. A search for more hits than that is exact, a scan."""
LINKS: Final = 64
"""Links of a picture in each layer of a graph, twice as many in the lowest. With 32, no link leads to one picture in 23
of 100,000, so that not even the picture itself finds it; with 64, to one in 80. It takes no longer."""
EF: Final = 100
"""Candidates of a search among `EF_ENOUGH` pictures or fewer."""
EF_ENOUGH: Final = 100_000
EF_GROWTH: Final = 0.6
"""With more pictures, candidates grow by this power of their number: 151 of 200,000, and 398 of a million."""
EF_FILTERED: Final = 400
"""A filter may leave only pictures far from the query, which HNSW reaches last."""
REFINED: Final = 2
REFINED_LEAST: Final = 20
"""Where the graph holds rounded vectors, twice as many candidates as hits, and no fewer than these, are compared by
their whole ones: more find no more, and each may be a read from the disk."""


@dataclass(frozen=True, slots=True)
class IndexKind:
    """An index: ``hnsw``, a graph; ``ivf``, inverted lists, of which there are ``lists``; ``flat``, none.

    With ``quantize`` a graph holds rounded vectors, by which it is searched: 0.4 (``int8``) or 0.6 (``fp16``) of the
    memory. The whole vectors stay on disk beside it, and decide the order and the scores of the nearest candidates.
    """

    name: Name = "hnsw"
    lists: int = LISTS
    quantize: Numbers | None = None

    def parameters(self, zvec: Any) -> Any:
        """Return what zvec makes the index by."""
        metric = zvec.MetricType.COSINE
        match self.name:
            case "ivf":
                return zvec.IVFIndexParam(metric_type=metric, n_list=self.lists)
            case "flat":
                return zvec.FlatIndexParam(metric_type=metric)
            case _:
                rounded = getattr(zvec.QuantizeType, ROUNDED[self.quantize] if self.quantize else "UNDEFINED")
                return zvec.HnswIndexParam(metric_type=metric, m=LINKS, ef_construction=200, quantize_type=rounded)

    def query(self, zvec: Any, k: int, count: int, *, filtered: bool, thorough: bool) -> Any:
        """Return what zvec searches ``count`` pictures by for ``k`` hits; exactly, if ``thorough``."""
        match self.name:
            case "ivf":
                probed = max(FEWEST, self.lists // PROBED) * (4 if filtered else 1)
                return zvec.IVFQueryParam(nprobe=self.lists if thorough else min(self.lists, probed))
            case "flat":
                return None
            case _:
                fitting = int(EF * max(1.0, count / EF_ENOUGH) ** EF_GROWTH)
                ef = min(MAX_EF, max(k, fitting, EF_FILTERED if filtered else 0))
                if self.quantize is None:
                    return zvec.HnswQueryParam(ef=ef, is_linear=thorough)
                times = max(REFINED, REFINED_LEAST / max(k, 1))
                return zvec.HnswQueryParam(ef=ef, is_linear=thorough, is_using_refiner=True, scale_factor=times)


HNSW: Final = IndexKind()


def read_kind(url: str) -> IndexKind:
    """Return the index that ``url`` names, ``zvec:`` alone meaning HNSW. Raises `StoreError`."""
    place, _, asked = url.partition("?")
    if place != "zvec:":
        raise StoreError(f"{url} names a place: zvec keeps its files in the library's folder, leave it at zvec:")
    options = dict(parse_qsl(asked, keep_blank_values=True))
    names: dict[str, Name] = {name: name for name in get_args(Name)}
    name, lists = names.get(options.pop("index", "hnsw")), options.pop("lists", None)
    quantize = options.pop("quantize", None)
    rounded = next((one for one in ROUNDED if one == quantize), None)
    fits = (lists is None or name == "ivf") and (quantize is None or (rounded is not None and name == "hnsw"))
    if options or name is None or not fits:
        raise StoreError(
            f"{url} is not understood: zvec:?index= takes {', '.join(names)}, "
            "and ivf &lists=N, hnsw &quantize=int8 or fp16"
        )
    if lists is None:
        return IndexKind(name, quantize=rounded)
    if not lists.isascii() or not lists.isdigit() or not 1 <= int(lists) <= MOST_LISTS:
        raise StoreError(f"{url} is not understood: lists is a number from 1 to {MOST_LISTS:,}")
    return IndexKind(name, int(lists))


def found_kind(zvec: Any, parameters: Any) -> IndexKind:
    """Return the index that a collection was made with."""
    match parameters:
        case zvec.IVFIndexParam():
            return IndexKind("ivf", int(parameters.n_list))
        case zvec.FlatIndexParam():
            return IndexKind("flat")
        case _:
            kept = parameters.quantize_type
            return IndexKind(
                quantize=next((one for one in ROUNDED if getattr(zvec.QuantizeType, ROUNDED[one]) == kept), None)
            )
