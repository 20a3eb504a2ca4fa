"""Is this a copy? Local features, alignment, verification, evidence. Needs the extra ``copies``."""

from yunmeng.copies.alignment import align, within
from yunmeng.copies.comparison import Comparable, Comparer, Comparison, Evidence
from yunmeng.copies.content import equal_at_sight
from yunmeng.copies.edits import Edit
from yunmeng.copies.evidence import Panel, draw_evidence
from yunmeng.copies.features import LocalFeatures, local_features
from yunmeng.copies.ncc import agreement, laid_over
from yunmeng.copies.pasted_regions import find_insets
from yunmeng.copies.search import CopySearch
from yunmeng.copies.verifier import Judgement, Verifier, judge, target_features, verify, verify_whole

__all__ = [
    "Comparable",
    "Comparer",
    "Comparison",
    "CopySearch",
    "Edit",
    "Evidence",
    "Judgement",
    "LocalFeatures",
    "Panel",
    "Verifier",
    "agreement",
    "align",
    "draw_evidence",
    "equal_at_sight",
    "find_insets",
    "judge",
    "laid_over",
    "local_features",
    "target_features",
    "verify",
    "verify_whole",
    "within",
]
