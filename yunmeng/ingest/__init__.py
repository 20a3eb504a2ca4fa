"""Filling a library: sources, and the stream that brings their pictures in."""

from yunmeng.ingest.additions import Addition, Additions, AddStatus
from yunmeng.ingest.inspection import PoorPicture, QualityReport, inspect_quality
from yunmeng.ingest.intake import Intake
from yunmeng.ingest.pipeline import OPTIMISE_FROM, IndexReport, OnTally, Pipeline, Tally
from yunmeng.ingest.sources import Sources

__all__ = [
    "OPTIMISE_FROM",
    "AddStatus",
    "Addition",
    "Additions",
    "IndexReport",
    "Intake",
    "OnTally",
    "Pipeline",
    "PoorPicture",
    "QualityReport",
    "Sources",
    "Tally",
    "inspect_quality",
]
