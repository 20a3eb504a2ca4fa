"""Pictures that sitemaps, feeds and lists of URLs name: each is checked once, and what is new at every round."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from yunmeng.apps.copyright.watching.listings import MOST_URLS, Listing, read_listing
from yunmeng.errors import PictureError, SourceError
from yunmeng.imaging.formats import recognise
from yunmeng.net.fetch import Fetched, Fetcher, Validators, is_url

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.fetched import FetchedUrls
    from yunmeng.apps.copyright.watching.inspector import Inspector
    from yunmeng.library.resources import LibraryResources

__all__ = ["ListingWatch"]

_DEPTH: Final = 2  # indexes of sitemaps above a sitemap
_MOST_LISTINGS: Final = 1_000  # that are fetched for one source
_PATIENCE: Final = 20  # pictures of a source in a row that cannot be fetched, after which the others wait for a round
_PAUSE: Final = 5.0  # seconds after which findings are sent that could not be sent before


class _Known(NamedTuple):
    validators: Validators
    listing: Listing


class ListingWatch:
    """Fetches sources again and again: sitemaps and indexes of them, feeds, lists of URLs, pictures; URLs or files.

    Whatever fails is named, and tried again at the next round. What a listing of the web names is a stranger's word:
    it is fetched from public addresses only, unless the setting ``private_urls`` allows others.
    """

    def __init__(
        self,
        sources: Sequence[str],
        every: float,
        inspector: "Inspector",
        resources: "LibraryResources",
        fetched: "FetchedUrls",
    ) -> None:
        self._sources = sources
        self._every = every
        self._inspector = inspector
        self._resources = resources
        self._fetched = fetched
        self._known: dict[str, _Known] = {}
        self._failed: set[str] = set()

    def run(self, stop: threading.Event, *, once: bool) -> None:
        """Check until ``stop`` is set; with ``once``, one round."""
        while not stop.is_set():
            following = time.monotonic() + self._every
            self.round(stop)
            self._inspector.deliver()
            if once:
                return
            while not stop.wait(max(0.0, min(_PAUSE, following - time.monotonic()))):
                if time.monotonic() >= following:
                    break
                self._inspector.deliver()

    def round(self, stop: threading.Event) -> int:
        """Check what the sources name now, and return how many pictures that are."""
        settings = self._resources.settings
        with Fetcher(settings, public_only=settings.private_urls is not True) as strict:
            return sum(self._of(source, self._resources.fetcher, strict, stop) for source in self._sources)

    def _of(self, source: str, trusted: Fetcher, strict: Fetcher, stop: threading.Event) -> int:
        """Check what a source names, first what did not fail in the last round."""
        named = dict.fromkeys(self._pictures(source, trusted, strict, stop))
        fetcher = strict if is_url(source) else trusted
        failed = 0
        for done, url in enumerate(sorted(named, key=self._failed.__contains__)):
            if stop.is_set():
                break
            if failed == _PATIENCE:
                left = len(named) - done
                self._inspector.fail(source, f"{failed} pictures in a row failed: {left:,} wait for the next round")
                break
            failed = 0 if self._check(url, fetcher) else failed + 1
        return len(named)

    def _check(self, url: str, fetcher: Fetcher) -> bool:
        """Check the picture at a URL, unless it has not changed; return False where that failed."""
        known = self._fetched.due(url)
        if known is None:
            return True
        try:
            picture, validators = fetcher.fetch_changed(url, known)
        except PictureError as exc:
            self._inspector.fail(url, str(exc))
            self._failed.add(url)
            return False
        if picture is not None and not self._inspector.check(url, picture):
            self._failed.add(url)
            return True  # the site answers
        self._fetched.note(url, validators, picture)
        self._failed.discard(url)
        return True

    def _pictures(self, source: str, trusted: Fetcher, strict: Fetcher, stop: threading.Event) -> Iterator[str]:
        """Yield the URLs of the pictures that a source names; a source that is a picture is checked here."""
        depths = {source: 0}  # of each listing, the number of indexes above it
        waiting = deque(depths)
        for number in range(_MOST_LISTINGS):
            if not waiting or stop.is_set():
                return
            place = waiting.popleft()
            listing = self._listing(place, strict if number else trusted)
            yield from listing.pictures
            if listing.more:
                self._inspector.fail(place, f"it names more than {MOST_URLS:,} URLs, and the others are left out")
            if listing.listings and depths[place] == _DEPTH:
                self._inspector.fail(place, "it is an index below an index of indexes, which is not followed")
                continue
            new = [one for one in listing.listings if one not in depths]
            depths.update(dict.fromkeys(new, depths[place] + 1))
            waiting += new
        if waiting:
            self._inspector.fail(source, f"it has more than {_MOST_LISTINGS:,} sitemaps, and the others are left out")

    def _listing(self, place: str, fetcher: Fetcher) -> Listing:
        """Return what a listing names now; nothing where it cannot be read, and what it named before if unchanged."""
        known = self._known.get(place, _Known(Validators(), Listing()))
        try:
            fetched = self._read(place, fetcher, known.validators)
            if fetched.body is None:
                return known.listing
            if _is_picture(fetched.body):
                self._inspector.check(place, fetched.body)
                listing = Listing()
            else:
                listing = read_listing(fetched.body, place)
        except (PictureError, SourceError) as exc:
            self._inspector.fail(place, str(exc))
            return known.listing
        self._known[place] = _Known(fetched.validators, listing)
        return listing

    def _read(self, place: str, fetcher: Fetcher, known: Validators) -> Fetched:
        if is_url(place):
            return fetcher.fetch_changed(place, known)
        return Fetched(self._resources.read(place), Validators())


def _is_picture(body: bytes) -> bool:
    try:
        recognise(body[:1024])
    except PictureError:
        return False
    return True
