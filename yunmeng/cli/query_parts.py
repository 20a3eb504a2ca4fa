"""Turn the arguments of a command into the parts of a query."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yunmeng.types import UNLIKE_WEIGHT

if TYPE_CHECKING:
    from yunmeng.search.request import QueryPart

__all__ = ["kind_of", "parse_region", "parts"]

_HOST = re.compile(r"(?i)https?://[^/]*")  # a number behind it is a port
_WEIGHTED = re.compile(r"(?s)(.+):(\d+(?:\.\d+)?|\.\d+)")


def parts(like: Iterable[str], unlike: Iterable[str], texts: Iterable[str]) -> "Iterator[QueryPart]":
    """Yield the parts that --like, --unlike and --text name, with their weights: ``a.jpg``, ``id:7:0.5``, ``红:2``."""
    from yunmeng.search.request import QueryPart

    for value in like:
        name, weight = _weighted(value)
        yield QueryPart(**kind_of(name), weight=weight)
    for value in unlike:
        name, weight = _weighted(value)
        yield QueryPart(**kind_of(name), weight=weight * UNLIKE_WEIGHT)
    for value in texts:
        name, weight = _weighted(value)
        yield QueryPart(text=name, weight=weight)


def kind_of(query: str) -> dict[str, Any]:
    """Return a query as an argument of `Library.search`, by what it looks like. Raises `SourceError`."""
    from yunmeng.errors import SourceError
    from yunmeng.imaging.files import PICTURE_ENDINGS
    from yunmeng.net.fetch import is_url

    if query.startswith("id:"):
        return {"id": query.removeprefix("id:")}
    if not query.strip():
        return {"text": query}  # which is refused as an empty question; the path "" would be this folder
    path = Path(query)
    if is_url(query) or path.is_file():
        return {"image": query}
    if path.is_dir():
        raise SourceError(f"{query} is a folder: name one picture, or index it with yunmeng index {query} --db DIR")
    if path.suffix.lower() in PICTURE_ENDINGS or "/" in query:
        raise SourceError(f"no such file: {query} (for a picture of the library write id:{query})")
    return {"text": query}


def parse_region(value: str) -> tuple[float, ...]:
    """Return ``x,y,w,h`` as numbers. Raises `QueryError`."""
    from yunmeng.errors import QueryError

    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise QueryError(f"{value!r} is no region: give x,y,w,h in fractions, such as 0.1,0.2,0.5,0.5") from None


def _weighted(value: str) -> tuple[str, float]:
    """A name and its weight, 1 where none is given. What lies there as a file is a name as it stands."""
    prefix = "id:" if value.startswith("id:") else ""
    found = _WEIGHTED.fullmatch(value.removeprefix(prefix))
    if found is None or _HOST.fullmatch(found[1]) or Path(value).exists():
        return value, 1.0
    return prefix + found[1], float(found[2])
