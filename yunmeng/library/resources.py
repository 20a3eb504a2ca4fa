"""Resources of an open library that all its generations share."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yunmeng.imaging.budget import limit_decoding
from yunmeng.ingest.in_hand import InHand
from yunmeng.library.media_store import MediaStore
from yunmeng.library.opening import SharedState
from yunmeng.net.fetch import Fetcher, is_url
from yunmeng.search.cache.tiers import Caches
from yunmeng.search.query import read_bytes
from yunmeng.state.contents import SharedContents
from yunmeng.state.database import State
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.paths import LibraryPaths

__all__ = ["LibraryResources"]


class LibraryResources(Closing):
    """The paths, settings, state database, media, caches and connections of an open library. Threads may share it.

    A server sets ``wrap_encoder`` before the first query: queries and added pictures are encoded by
    ``wrap_encoder(encoder)``, so that many callers share a batch.
    """

    def __init__(self, paths: "LibraryPaths", settings: "Settings", config: "LibraryConfig") -> None:
        self.paths: Final = paths
        self.settings: Final = settings
        self.contents: Final = SharedContents(lambda: self.state, config.generation) if config.state_shared else None
        """What all processes know of the contents of a store that they share; None where they share no state."""
        self.shared_state: Final[SharedState] = (lambda: self.state) if config.state_shared else None
        """Opens the state where all processes have it; None where it is in a file."""
        self.caches: Final = Caches(settings)
        self.in_hand: Final = InHand(paths.in_hand, shared=config.state_shared)
        self.media: Final = MediaStore(paths, settings, lambda url: self.fetcher.fetch(url))
        self.wrap_encoder: Callable[[Encoder], Encoder] = lambda encoder: encoder
        self._public_only = settings.private_urls is False
        self._state_url = config.state
        self._opening = threading.Lock()
        self._fetcher: Fetcher | None = None
        self._state: State | None = None
        limit_decoding(memory=settings.decode_memory, seconds=settings.decode_seconds)

    @property
    def state(self) -> State:
        """The state database, opened when first needed; a search does not need it."""
        with self._opening:
            if self._state is None:
                self._state = State.open(self.paths.state, self._state_url, self.settings)
            return self._state

    def make_state(self) -> None:
        """Make the state database of a new library. Raises `LibraryExists` where another library has it."""
        with self._opening:
            self._state = State.create(self.paths.state, self._state_url, self.settings)

    @property
    def fetcher(self) -> Fetcher:
        """The connections to the web, opened when first needed."""
        with self._opening:
            if self._fetcher is None:
                self._fetcher = Fetcher(self.settings, public_only=self._public_only)
            return self._fetcher

    def distrust_urls(self) -> None:
        """Fetch from public addresses only, for URLs that strangers give; the setting private_urls may allow all.

        Call this before the first fetch.
        """
        self._public_only = self.settings.private_urls is not True

    def read(self, picture: str | Path | bytes) -> bytes:
        """Return the bytes at a path or a URL; given bytes are returned as they are. Raises `PictureError`."""
        if isinstance(picture, str) and is_url(picture):
            return self.fetcher.fetch(picture)
        return read_bytes(picture, self.settings)

    def close(self) -> None:
        """Close what was opened. Closing twice does no harm."""
        with self._opening:
            opened = (self._state, self._fetcher)
            self._state = self._fetcher = None
        for one in opened:
            if one is not None:
                one.close()
        self.in_hand.close()
        self.caches.close()
