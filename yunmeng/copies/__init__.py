"""Detection of copies: local features, alignment, verification, evidence. Needs the extra ``copies``."""

from yunmeng.copies.alignment import align, within
from yunmeng.copies.comparison import Comparable, Comparer, Comparison, Evidence
from yunmeng.copies.content import equal_at_sight
from yunmeng.copies.edits import Edit
from yunmeng.copies.evidence import Panel, draw_evidence
from yunmeng.copies.features import LocalFeatures, local_features
from yunmeng.copies.ncc import aligned_ncc, whole_ncc
from yunmeng.copies.pasted_regions import find_insets
from yunmeng.copies.prepared import READ_SIDE, PreparedPicture
from yunmeng.copies.search import CopySearch
from yunmeng.copies.verification import Verification, edits_between, verify
from yunmeng.copies.verifier import Verifier

__all__ = [
    "READ_SIDE",
    "Comparable",
    "Comparer",
    "Comparison",
    "CopySearch",
    "Edit",
    "Evidence",
    "LocalFeatures",
    "Panel",
    "PreparedPicture",
    "Verification",
    "Verifier",
    "align",
    "aligned_ncc",
    "draw_evidence",
    "edits_between",
    "equal_at_sight",
    "find_insets",
    "local_features",
    "verify",
    "whole_ncc",
    "within",
]
