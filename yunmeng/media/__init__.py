"""A file -> one or more pictures, each with the part of the file that it is.

`READERS` is the list of kinds of files; packages add to it by entry points. A part is named by a word: ``""`` is the
picture that a file is, or its first one, ``page:2`` the second page of a TIFF, ``frame:7`` the seventh frame of an
animation.
"""

from yunmeng.media.readers import READERS, Reader, claims, identity, is_media, only_part, reader_of

__all__ = ["READERS", "Reader", "claims", "identity", "is_media", "only_part", "reader_of"]
