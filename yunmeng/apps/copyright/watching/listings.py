"""Pictures that a sitemap, a feed or a list of URLs names."""

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from yunmeng.errors import MissingExtra, SourceError
from yunmeng.imaging.files import PICTURE_ENDINGS
from yunmeng.net.fetch import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_URLS", "Listing", "read_listing"]

MOST_URLS: Final = 50_000
"""URLs that are read of one listing: as many as a sitemap may have (sitemaps.org)."""
_LARGEST: Final = 52_428_800  # bytes of a sitemap, unpacked, by the same standard
_LARGEST_FEED: Final = 10_000_000  # feedparser keeps all of it in memory, several times
_GZIP: Final = 16 + zlib.MAX_WBITS
_SITEMAP: Final = re.compile(rb"<(?:[\w.-]+:)?(urlset|sitemapindex)[\s/>]")
_IMAGE: Final = "{http://www.google.com/schemas/sitemap-image/1.1}loc"


@dataclass(slots=True)
class Listing:
    """The pictures that a listing names, and the other listings, each once and as absolute URLs, in their order.

    ``more`` is True where the listing names more of them than are read.
    """

    pictures: dict[str, None] = field(default_factory=dict)
    listings: dict[str, None] = field(default_factory=dict)
    more: bool = False


def read_listing(body: bytes, place: str) -> Listing:
    """Return what a sitemap, an index of sitemaps, a feed (RSS, Atom) or a list of URLs names, gzipped or not.

    Of the pages of a sitemap only those whose name ends as a picture's does are pictures; in a list, every line is one.
    ``place`` is where it comes from, against which its URLs are resolved. Raises `SourceError`, and `MissingExtra`.
    """
    body = _unpacked(body)
    start = body[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if kind := _SITEMAP.search(start):
        is_index = kind[1] == b"sitemapindex"
        return _listing(_locations(body, pictures_only=not is_index), place, are_listings=is_index)
    if start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return _listing(_in_feed(body, place), place)
    lines = [line.strip() for line in body.decode("utf-8-sig", "replace").splitlines()]
    urls = [line for line in lines if line and not line.startswith("#")]
    if not all(map(is_url, urls[:10])):  # of a long list, one bad line is no reason to refuse the others
        raise SourceError("it is no sitemap, no feed, no list of URLs and no picture")
    return _listing(urls, place)


def _listing(urls: "Iterable[str]", place: str, *, are_listings: bool = False) -> Listing:
    listing = Listing()
    found = listing.listings if are_listings else listing.pictures
    for url in urls:
        absolute = _resolved(url.strip(), place)
        if not is_url(absolute) or absolute in found:
            continue
        if len(found) == MOST_URLS:
            listing.more = True
            break
        found[absolute] = None
    return listing


def _resolved(url: str, place: str) -> str:
    try:
        return urljoin(place, url) if is_url(place) else url
    except ValueError:  # no URL at all, such as http://[
        return ""


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        unpacked = unpacker.decompress(body, _LARGEST)
    except zlib.error as exc:
        raise SourceError(f"it cannot be unpacked: {exc}") from exc
    if unpacker.unconsumed_tail:
        raise SourceError(f"it has more than {_LARGEST:,} bytes, unpacked")
    return unpacked


def _locations(body: bytes, *, pictures_only: bool) -> Iterator[str]:
    """Yield the URLs of a sitemap: those of pictures, also by Google's extension, or of an index all."""
    try:
        from defusedxml import DefusedXmlException, ElementTree
    except ImportError as exc:
        raise MissingExtra("watching a sitemap", "copyright") from exc
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(body), forbid_dtd=True):
            text = element.text or ""
            is_location = element.tag.rpartition("}")[2] == "loc"
            if element.tag == _IMAGE or (is_location and (not pictures_only or _is_named_picture(text))):
                yield text
            if not is_location:
                element.clear()  # else a long sitemap takes twenty times its size
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as exc:
        raise SourceError(f"it is no well-formed sitemap: {exc}") from exc


def _is_named_picture(url: str) -> bool:
    try:
        return PurePosixPath(urlsplit(url.strip()).path).suffix.lower() in PICTURE_ENDINGS
    except ValueError:
        return False


def _in_feed(body: bytes, place: str) -> Iterator[str]:
    """Yield the URLs of pictures in a feed: enclosures, Media RSS, and images in the text of an entry."""
    try:
        import feedparser
    except ImportError as exc:
        raise MissingExtra("watching a feed", "copyright") from exc
    if len(body) > _LARGEST_FEED:
        raise SourceError(f"it has more than {_LARGEST_FEED:,} bytes, too many for a feed")
    feed = feedparser.parse(io.BytesIO(body), response_headers={"content-location": place})
    if not feed.version and not feed.entries:
        raise SourceError("it is no sitemap, no feed, no list of URLs and no picture")
    for entry in feed.entries:
        yield from _of_entry(entry)


def _of_entry(entry: Any) -> Iterator[str]:
    for media in [*entry.get("enclosures", ()), *entry.get("media_content", ())]:
        url, kind = media.get("href") or media.get("url") or "", media.get("type") or ""
        if kind.startswith("image/") or media.get("medium") == "image" or (not kind and _is_named_picture(url)):
            yield url
    yield from (thumbnail.get("url", "") for thumbnail in entry.get("media_thumbnail", ()))
    texts = [content.get("value", "") for content in entry.get("content", ())] or [entry.get("summary", "")]
    for text in texts:
        yield from _images(text)


def _images(text: str) -> list[str]:
    images = _Images()
    images.feed(text)
    return images.found


class _Images(HTMLParser):
    """Collects the addresses of the images of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found += [value for name, value in attrs if name == "src" and value]
