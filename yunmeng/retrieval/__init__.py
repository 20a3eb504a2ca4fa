"""Asking a library: from a query to hits."""

from yunmeng.retrieval.asking import Asker, Part, Question, read_filter
from yunmeng.retrieval.calibration import (
    CALIBRATED_FROM,
    Bin,
    Calibration,
    Sample,
    fit,
    held_out,
    reliability,
    sample_scores,
)
from yunmeng.retrieval.comparison import Comparison, compare_records
from yunmeng.retrieval.facets import Facet, collect_facets
from yunmeng.retrieval.query import Embedder, QueryPicture, as_vector, check_region, timed
from yunmeng.retrieval.sheet import draw_hits

__all__ = [
    "CALIBRATED_FROM",
    "Asker",
    "Bin",
    "Calibration",
    "Comparison",
    "Embedder",
    "Facet",
    "Part",
    "QueryPicture",
    "Question",
    "Sample",
    "as_vector",
    "check_region",
    "collect_facets",
    "compare_records",
    "draw_hits",
    "fit",
    "held_out",
    "read_filter",
    "reliability",
    "sample_scores",
    "timed",
]
