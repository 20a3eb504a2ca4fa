"""Asking a library: from a query to hits."""

from yunmeng.retrieval.asking import Asker
from yunmeng.retrieval.cached import CachedAsker
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
from yunmeng.retrieval.comparison import Comparable, Comparer, Comparison, Evidence
from yunmeng.retrieval.copies import CopySearch
from yunmeng.retrieval.facets import Facet, collect_facets
from yunmeng.retrieval.metrics import check_library_metric
from yunmeng.retrieval.query import Embedder, QueryPicture, as_vector, check_region, read_bytes, timed
from yunmeng.retrieval.query_vectors import CachedTexts, QueryVectors
from yunmeng.retrieval.question import Part, Question, read_filter
from yunmeng.retrieval.ranking import Candidates, depth_of, ranked
from yunmeng.retrieval.sheet import draw_hits
from yunmeng.retrieval.steps import STEPS, Asked, Step, Verify, read_steps, steps_of

__all__ = [
    "CALIBRATED_FROM",
    "STEPS",
    "Asked",
    "Asker",
    "Bin",
    "CachedAsker",
    "CachedTexts",
    "Calibration",
    "Candidates",
    "Comparable",
    "Comparer",
    "Comparison",
    "CopySearch",
    "Embedder",
    "Evidence",
    "Facet",
    "Part",
    "QueryPicture",
    "QueryVectors",
    "Question",
    "Sample",
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
    "read_filter",
    "read_steps",
    "reliability",
    "sample_scores",
    "steps_of",
    "timed",
]
