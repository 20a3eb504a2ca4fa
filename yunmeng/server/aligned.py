"""Alignments, as the API shows them."""

from yunmeng.schemas import AlignmentOut
from yunmeng.types import Alignment

__all__ = ["shown_alignment"]


def shown_alignment(alignment: Alignment) -> AlignmentOut:
    """What people and programs need of it: the outline says where the transform leads."""
    return AlignmentOut(
        inliers=alignment.inliers,
        mirrored=alignment.mirrored,
        outline=list(alignment.outline),
        query_overlap=alignment.query_overlap,
        target_overlap=alignment.target_overlap,
    )
