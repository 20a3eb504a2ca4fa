"""What is to be indexed: one entry for each picture that a source names."""

from dataclasses import dataclass

from yunmeng.errors import PictureError
from yunmeng.types import Attributes

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture to index.

    ``uri`` is an absolute path or a URL. ``path`` is the name that ``id`` comes from, if it comes from a path: such an
    id gives way to others (`yunmeng.ingest.naming`); an id that the caller chose does not, and ``path`` is empty then.
    ``place`` is the line of a manifest that names the picture. ``attributes`` is None where the source says nothing
    about them: a record that is there already then keeps its own. ``certain`` is False for a file whose name does not
    promise a picture: it is passed over if it holds none. ``problem`` is set where the source itself is wrong about
    this picture, which is then reported and not read. ``data`` are its bytes where they are at hand already.
    """

    id: str
    uri: str
    path: str = ""
    place: str = ""
    attributes: Attributes | None = None
    certain: bool = True
    problem: PictureError | None = None
    data: bytes | None = None
