"""Search in a library: from a query to hits."""

from yunmeng.search.calibration import (
    CALIBRATED_FROM,
    Bin,
    Calibration,
    Sample,
    fit,
    held_out,
    reliability,
    sample_scores,
)
from yunmeng.search.engine import SearchEngine
from yunmeng.search.facets import Facet, collect_facets
from yunmeng.search.metrics import check_library_metric
from yunmeng.search.query import Embedder, QueryPicture, as_vector, check_region, read_bytes, timed
from yunmeng.search.ranking import Candidates, depth_of, ranked
from yunmeng.search.request import QueryPart, SearchRequest
from yunmeng.search.rerank.protocol import RerankContext, Step, Verify
from yunmeng.search.rerank.registry import STEPS, read_steps, steps_of
from yunmeng.search.sheet import draw_hits

__all__ = [
    "CALIBRATED_FROM",
    "STEPS",
    "Bin",
    "Calibration",
    "Candidates",
    "Embedder",
    "Facet",
    "QueryPart",
    "QueryPicture",
    "RerankContext",
    "Sample",
    "SearchEngine",
    "SearchRequest",
    "Step",
    "Verify",
    "as_vector",
    "check_library_metric",
    "check_region",
    "collect_facets",
    "depth_of",
    "draw_hits",
    "fit",
    "held_out",
    "ranked",
    "read_bytes",
    "read_steps",
    "reliability",
    "sample_scores",
    "steps_of",
    "timed",
]
