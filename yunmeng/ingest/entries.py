"""Entries: one for each picture that a source names."""

from dataclasses import dataclass, replace

from yunmeng.errors import PictureError
from yunmeng.types import Attributes

__all__ = ["Entry", "of_part"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture to index.

    ``uri`` is an absolute path or a URL. ``path`` is the name that ``id`` comes from, if it comes from a path: such an
    id gives way to others (`yunmeng.ingest.naming`); an id that the caller chose does not, and ``path`` is empty then.
    ``place`` is the line of a manifest that names the picture. ``attributes`` is None where the source says nothing
    about them: a record that is there already then keeps its own. ``certain`` is False for a file whose name does not
    look like a picture's: it is skipped if it holds none. ``problem`` is set where the source itself is wrong about
    this picture, which is then reported and not read. ``data`` are the file's bytes if they have been read already.
    ``part`` is the part of the file that the picture is, see `yunmeng.media`.
    """

    id: str
    uri: str
    path: str = ""
    place: str = ""
    attributes: Attributes | None = None
    certain: bool = True
    problem: PictureError | None = None
    data: bytes | None = None
    part: str = ""

    @property
    def key(self) -> str:
        """The file and the part of it. It is unique: no file name contains the zero between the two."""
        return f"{self.uri}\0{self.part}" if self.part else self.uri

    @property
    def source(self) -> str:
        """The file and the part of it, as shown to people."""
        return of_part(self.uri, self.part)

    def other_part(self, part: str) -> "Entry":
        """Return the entry of another part of the same file; its id names the part."""
        return replace(self, id=of_part(self.id, part), path=self.path and of_part(self.id, part), part=part)


def of_part(place: str, part: str) -> str:
    """Return ``place``, the id or URI of a file, with the part of the file behind it, if it is one."""
    return f"{place}#{part}" if part else place
