"""Pictures before they are numbers: files and bytes to upright sRGB, quality, fingerprints, enhancement, sheets.

Importing it loads NumPy and Pillow, nothing heavier.
"""

from yunmeng.imaging.budget import limit_decoding
from yunmeng.imaging.decode import DECODED_SIDE, Picture, decode, from_array, from_pillow
from yunmeng.imaging.describe import describe
from yunmeng.imaging.edits import edited
from yunmeng.imaging.enhance import enhance
from yunmeng.imaging.files import PICTURE_ENDINGS, is_picture, read
from yunmeng.imaging.fingerprint import (
    ORIENTATIONS,
    Fingerprints,
    fingerprint,
    hamming,
    oriented_pdq,
    sha256,
    turned_codes,
)
from yunmeng.imaging.formats import recognise
from yunmeng.imaging.quality import EXPLANATIONS, QualityScores, assess, damaged, problems
from yunmeng.imaging.sheet import Tile, draw_sheet, save_sheet
from yunmeng.imaging.thumbnail import THUMBNAIL_SIDES, thumbnail

__all__ = [
    "DECODED_SIDE",
    "EXPLANATIONS",
    "ORIENTATIONS",
    "PICTURE_ENDINGS",
    "THUMBNAIL_SIDES",
    "Fingerprints",
    "Picture",
    "QualityScores",
    "Tile",
    "assess",
    "damaged",
    "decode",
    "describe",
    "draw_sheet",
    "edited",
    "enhance",
    "fingerprint",
    "from_array",
    "from_pillow",
    "hamming",
    "is_picture",
    "limit_decoding",
    "oriented_pdq",
    "problems",
    "read",
    "recognise",
    "save_sheet",
    "sha256",
    "thumbnail",
    "turned_codes",
]
