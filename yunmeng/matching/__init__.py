"""Where two pictures match: local features, and the transform that they agree on. Needs the extra ``copies``."""

from yunmeng.matching.agreement import agreement, laid_over
from yunmeng.matching.aligning import align, within
from yunmeng.matching.content import Difference, equal_at_sight
from yunmeng.matching.edits import Edit
from yunmeng.matching.evidence import Panel, draw_evidence
from yunmeng.matching.features import LocalFeatures, local_features
from yunmeng.matching.insets import find_insets
from yunmeng.matching.judging import Judgement, judge, verify, verify_whole
from yunmeng.matching.verifying import Verifier, target_features

__all__ = [
    "Difference",
    "Edit",
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
