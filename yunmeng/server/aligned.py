"""Alignments as bodies of the API."""

from yunmeng.schemas.copies import AlignmentOut
from yunmeng.types import Alignment

__all__ = ["shown_alignment"]


def shown_alignment(alignment: Alignment) -> AlignmentOut:
    """Return the body that shows an alignment."""
    return AlignmentOut(
        inliers=alignment.inliers,
        transform=alignment.transform,
        mirrored=alignment.mirrored,
        outline=list(alignment.outline),
        query_overlap=alignment.query_overlap,
        target_overlap=alignment.target_overlap,
    )
