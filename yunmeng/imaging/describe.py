"""Fingerprints and quality in one pass over the pixels."""

from yunmeng.imaging.decode import Picture
from yunmeng.imaging.fingerprint import Fingerprints, fingerprint_of_grey
from yunmeng.imaging.grey import luma, shrunk
from yunmeng.imaging.quality import QualityScores, scores_of_grey

__all__ = ["describe"]


def describe(picture: Picture) -> tuple[Fingerprints, QualityScores]:
    """Return what `fingerprint` and `assess` return for a picture; the grey copies that both need are made once."""
    grey = luma(picture.image)
    small = shrunk(grey)
    return fingerprint_of_grey(grey), scores_of_grey(small, width=picture.width, height=picture.height)
