"""Fingerprints, quality and palette of a picture that is decoded."""

from yunmeng.imaging.decode import Picture
from yunmeng.imaging.fingerprint import Fingerprints, fingerprint_of_grey
from yunmeng.imaging.grey import luma, shrunk
from yunmeng.imaging.palette import palette
from yunmeng.imaging.quality import QualityScores, scores_of_grey

__all__ = ["describe"]


def describe(picture: Picture) -> tuple[Fingerprints, QualityScores, str]:
    """Return what `fingerprint`, `assess` and `palette` return; the grey copies that the first two need are shared."""
    grey = luma(picture.image)
    small = shrunk(grey)
    scores = scores_of_grey(small, width=picture.width, height=picture.height)
    return fingerprint_of_grey(grey), scores, palette(picture.image)
