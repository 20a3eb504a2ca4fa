"""Filling a library: sources of pictures, and the pipeline that indexes them."""

from yunmeng.ingest.additions import Addition, Additions
from yunmeng.ingest.classifier import Classifier
from yunmeng.ingest.decisions import Decision, Duplicate, Failed, New, Unchanged
from yunmeng.ingest.in_hand import InHand
from yunmeng.ingest.inspection import PoorPicture, QualityReport, inspect_quality
from yunmeng.ingest.moves import Moves, identify
from yunmeng.ingest.naming import Names
from yunmeng.ingest.pipeline import INTAKE, OPTIMISE_FROM, IndexReport, OnTally, Pipeline, Tally, recorded
from yunmeng.ingest.roots import Roots
from yunmeng.ingest.sources import Sources

__all__ = [
    "INTAKE",
    "OPTIMISE_FROM",
    "Addition",
    "Additions",
    "Classifier",
    "Decision",
    "Duplicate",
    "Failed",
    "InHand",
    "IndexReport",
    "Moves",
    "Names",
    "New",
    "OnTally",
    "Pipeline",
    "PoorPicture",
    "QualityReport",
    "Roots",
    "Sources",
    "Tally",
    "Unchanged",
    "identify",
    "inspect_quality",
    "recorded",
]
