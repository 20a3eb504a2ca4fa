"""An open library: a folder of pictures that can be searched."""

from yunmeng.library.library import Library, LibraryInfo

__all__ = ["Library", "LibraryInfo"]
