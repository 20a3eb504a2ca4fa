"""Files that hold one or more pictures, each of which is a part of the file.

`READERS` lists the readers of kinds of files; packages add to it by entry points. A part has a name: ``""`` is the only
or the first picture of a file, ``page:2`` the second page of a TIFF, ``frame:7`` the seventh frame of an animation.
"""

from yunmeng.media.readers import READERS, Reader, claims, identity, is_media, only_part, reader_of

__all__ = ["READERS", "Reader", "claims", "identity", "is_media", "only_part", "reader_of"]
