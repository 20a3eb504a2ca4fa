"""A watch over folders, sitemaps, feeds and lists of URLs at once."""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from yunmeng.apps.copyright.watching.fetched import FetchedUrls
from yunmeng.apps.copyright.watching.folders import FolderWatch
from yunmeng.apps.copyright.watching.inspector import Inspector, OnEvent
from yunmeng.apps.copyright.watching.urls import ListingWatch
from yunmeng.apps.copyright.watching.watches import LEAST_EVERY
from yunmeng.errors import QueryError, SourceError
from yunmeng.net.fetch import is_url

if TYPE_CHECKING:
    from yunmeng.apps.copyright.service import Works
    from yunmeng.library.library import Library

__all__ = ["Watch"]


class Watch:
    """Checks the pictures of sources as they come, each once, known by its bytes, also after a restart.

    A source is a folder, or the URL or file of a sitemap, an index of sitemaps, a feed (RSS, Atom), a list of URLs or a
    picture. Folders are watched, and the others are read again ``every`` so many seconds.
    """

    def __init__(
        self,
        works: "Works",
        library: "Library",
        sources: Sequence[str | Path],
        on_event: OnEvent,
        *,
        every: float,
    ) -> None:
        """Raises `SourceError` where a source is not there, `QueryError`, and `MissingExtra`."""
        if not sources:
            raise SourceError("nothing to watch: name a folder, or the URL of a sitemap, a feed or a list of URLs")
        if not every >= LEAST_EVERY:
            raise QueryError(f"a URL can be fetched every {LEAST_EVERY} s at the most, not every {every:g} s")
        inspector = Inspector(works, on_event)
        places = [str(source) if is_url(str(source)) else Path(source).absolute() for source in sources]
        for place in places:
            if isinstance(place, Path) and not place.exists():
                raise SourceError(f"no such file or folder: {place}")
        folders = [place for place in places if isinstance(place, Path) and place.is_dir()]
        listings = [str(place) for place in places if place not in folders]
        self._parts: list[FolderWatch | ListingWatch] = []
        if folders:
            self._parts.append(FolderWatch(folders, inspector))
        if listings:
            fetched = FetchedUrls(library.state)
            self._parts.append(ListingWatch(listings, every, inspector, library.resources, fetched))

    def run(self, stop: threading.Event, *, once: bool = False) -> None:
        """Check until ``stop`` is set; with ``once``, only what is there now."""
        with ThreadPoolExecutor(len(self._parts), "yunmeng-watch") as pool:
            running = [pool.submit(part.run, stop, once=once) for part in self._parts]
            wait(running, return_when=FIRST_EXCEPTION)
            if any(one.done() and one.exception() is not None for one in running):
                stop.set()  # the other part too ends where one cannot go on
        for one in running:
            one.result()
