"""Neighbours among many vectors or codes: exact search, and all close pairs of one set. Needs the extra ``copies``."""

from yunmeng.vectors.codes import CloseCodes, close_codes
from yunmeng.vectors.exact import ExactMetric, Nearest, NearestCodes, nearest, nearest_codes
from yunmeng.vectors.join import Closeness, close_pairs, cosines

__all__ = [
    "CloseCodes",
    "Closeness",
    "ExactMetric",
    "Nearest",
    "NearestCodes",
    "close_codes",
    "close_pairs",
    "cosines",
    "nearest",
    "nearest_codes",
]
