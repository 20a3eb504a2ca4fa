"""Filling a library: sources, and the stream that brings their pictures in."""

from yunmeng.ingest.additions import Addition, Additions
from yunmeng.ingest.in_hand import InHand
from yunmeng.ingest.inspection import PoorPicture, QualityReport, inspect_quality
from yunmeng.ingest.intake import Failed, Fresh, Intake, Known, Outcome, Unchanged
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
    "Failed",
    "Fresh",
    "InHand",
    "IndexReport",
    "Intake",
    "Known",
    "Moves",
    "Names",
    "OnTally",
    "Outcome",
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
