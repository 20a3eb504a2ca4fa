"""Picture files to upright sRGB pixels, and their quality, fingerprints, enhancement and sheets.

Importing this package loads NumPy and Pillow, nothing heavier.
"""

from yunmeng.imaging.budget import limit_decoding
from yunmeng.imaging.decode import DECODED_SIDE, Picture, decode, from_array, from_pillow
from yunmeng.imaging.describe import describe
from yunmeng.imaging.edits import edited
from yunmeng.imaging.enhance import enhance
from yunmeng.imaging.files import PICTURE_ENDINGS, head, is_picture, read
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
from yunmeng.imaging.frames import count_frames, frames
from yunmeng.imaging.palette import palette
from yunmeng.imaging.quality import EXPLANATIONS, QualityScores, assess, damaged, problems
from yunmeng.imaging.sheet import Tile, draw_sheet, save_sheet
from yunmeng.imaging.thumbnail import THUMBNAIL_SIDES, thumbnail
from yunmeng.imaging.tiff import page_offsets, with_first_page

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
    "count_frames",
    "damaged",
    "decode",
    "describe",
    "draw_sheet",
    "edited",
    "enhance",
    "fingerprint",
    "frames",
    "from_array",
    "from_pillow",
    "hamming",
    "head",
    "is_picture",
    "limit_decoding",
    "oriented_pdq",
    "page_offsets",
    "palette",
    "problems",
    "read",
    "recognise",
    "save_sheet",
    "sha256",
    "thumbnail",
    "turned_codes",
    "with_first_page",
]
