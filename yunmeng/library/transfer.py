"""Copy of a library into a new one, over another store if that is wanted: nothing is encoded, no picture is read.

Each store is copied record by record in the order of `Store.page`, and a mark in the new folder says how far it came.
``library.toml`` is written last: a copy that was stopped or killed is no library, and the same call goes on with it.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from yunmeng.errors import LibraryError, LibraryExists
from yunmeng.ingest.pipeline import OPTIMISE_FROM
from yunmeng.library.backup import copy_new, move_state
from yunmeng.library.config import FORMAT, read_config, write_config
from yunmeng.library.generation import Generation
from yunmeng.library.opening import create_store, open_store
from yunmeng.library.paths import LibraryPaths, put
from yunmeng.library.resources import LibraryResources
from yunmeng.library.store_copy import compare_all, write
from yunmeng.state.backend import DEFAULT_STATE
from yunmeng.state.urls import check_state, named_state
from yunmeng.stores import registry
from yunmeng.stores.augmented import layers
from yunmeng.stores.pages import pages_with_vectors
from yunmeng.types import Closing

if TYPE_CHECKING:
    from yunmeng.library.config import LibraryConfig
    from yunmeng.library.library import Library
    from yunmeng.stores.protocol import Store
    from yunmeng.types import Record

__all__ = ["MARK", "CopyReport", "copy_library"]

MARK: Final = "copy.json"
OnStep = Callable[[int, int], None]
"""Called with how many records are done and of how many: each is copied, and then compared."""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """Result of a copy.

    Args:
        pictures: Pictures that the new library has.
        copied: Records that this call has written, those of regions and second vectors too.
        exact: Records of all stores whose vectors are the same bit for bit; the others are within rounding.
        records: Records of all stores.
        digest: SHA-256 of all records but their vectors, in their order; both libraries have it.
        seconds: How long this call took.
        interrupted: It was stopped, and the new folder is no library yet.
    """

    pictures: int = 0
    copied: int = 0
    exact: int = 0
    records: int = 0
    digest: str = ""
    seconds: float = 0.0
    interrupted: bool = False


def copy_library(
    source: "Library",
    target: str | Path,
    store: str | None = None,
    on_step: OnStep = lambda _done, _all: None,
    stop: threading.Event | None = None,
    state: str = DEFAULT_STATE,
) -> CopyReport:
    """Copy ``source`` into ``target``, a folder that is new or holds what an earlier call has left.

    Records, regions, second vectors, palettes, calibration, the state database and the pictures that were sent come
    along. At the end, every record of both is read and compared. Searches go on meanwhile; changes wait for the end.

    Args:
        source: The library.
        target: The folder of the new library.
        store: The URL of the new library's store; None takes that of ``source``.
        on_step: Called as the copy goes on.
        stop: Ends the copy cleanly when set; the same call goes on from there.
        state: The URL of the new library's state: in its folder, or a new schema of a PostgreSQL.

    Raises:
        LibraryExists: There is a library at ``target``, or in this schema.
        LibraryError: The folder holds something else, the store keeps nothing, or the records changed meanwhile.
        UnknownStore, StoreError, StateError.
    """
    check_state(state)
    began, stop = time.monotonic(), stop or threading.Event()
    with source.generations.moving(), _Transfer(source, Path(target), store, state, on_step) as transfer:
        report = transfer.run(stop)
    return replace(report, seconds=time.monotonic() - began)


class _Transfer(Closing):
    """One copy, from the store of an open library to that of one that is being made."""

    def __init__(self, source: "Library", target: Path, url: str | None, state: str, on_step: OnStep) -> None:
        self._source = source
        self._state = state
        self._old = source.generation
        self._paths = LibraryPaths(target)
        self._config = _config(self._old.config, url)
        self._marks = _Marks(self._paths.folder / MARK, self._config)
        store = self._opened()
        self._resources = LibraryResources(self._paths, source.settings, self._config)
        self._new = Generation(self._config, store, self._resources, self._old.encoding)
        self._pairs = list(zip(layers(self._old.store), layers(store), strict=True))
        self._on_step = on_step
        self._done, self._total = self._marks.written, 2 * sum(each.count() for each, _ in self._pairs)

    def run(self, stop: threading.Event) -> CopyReport:
        """Copy what is missing, compare all of it, and make the new folder a library."""
        copied = 0
        for number, (old, new) in enumerate(self._pairs):
            for page in pages_with_vectors(old, self._marks.after[number], stop):
                copied += write(new, page)
                self._marks.reach(number, page)
                self._step(len(page))
            if not stop.is_set() and new.unindexed() >= OPTIMISE_FROM:
                new.optimise()
        with self._source.generations.still() as go_on:

            def step(count: int) -> None:
                go_on()
                self._step(count)

            compared = compare_all(self._pairs, stop, step)
            if compared is None:
                return CopyReport(copied=copied, interrupted=True)
            self._finish()
        self._read_words(stop)
        return CopyReport(
            pictures=self._new.store.count(),
            copied=copied + compared.written,
            exact=compared.exact,
            records=compared.records,
            digest=compared.digest,
        )

    def close(self) -> None:
        self._new.close()
        self._resources.close()

    def _opened(self) -> "Store":
        """Return the new library's store, empty, or as an earlier call has left it."""
        if self._marks.begun:
            return open_store(self._config, self._paths)
        if self._marks.known:  # it was killed between its first sign and its stores
            for place in self._paths.stores(0):
                registry.remove(self._config.store, place)
        else:
            self._paths.prepare()
        self._marks.save()
        store = create_store(self._config, self._paths)
        self._marks.begin(len(layers(store)))
        return store

    def _finish(self) -> None:
        """Bring over what lies beside the stores, and make the folder a library. Nothing may change meanwhile."""
        for _, new in self._pairs:
            new.flush()
        old, paths = self._source.resources, self._paths
        paths.state.unlink(missing_ok=True)
        old.state.copy_to(paths.state)
        copy_new(old.paths.uploads, paths.uploads)
        self._new.calibrator.take_over(self._old.calibrator)
        if self._state == DEFAULT_STATE:
            write_config(paths, self._config)
        else:
            move_state(paths, self._config, named_state(self._state, paths.folder.absolute().name))
        self._marks.remove()

    def _read_words(self, stop: threading.Event) -> None:
        """Read the words of the new library, where its state keeps them: the copy is made before there is one.

        If it is stopped, the library's own upkeep goes on with it.
        """
        config = read_config(self._paths)
        if not config.state_shared or self._new.store.capabilities.text:
            return
        with LibraryResources(self._paths, self._source.settings, config) as resources:
            store = open_store(config, self._paths, resources.shared_state)
            with Generation(config, store, resources, self._old.encoding) as generation:
                generation.refresh_words(stop)

    def _step(self, count: int) -> None:
        self._done += count
        self._on_step(min(self._done, self._total), self._total)


class _Marks:
    """How far a copy has come: the last record of each store that was written, in a file of the new folder.

    Raises `LibraryExists` where the folder is a library, and `LibraryError` where it is the copy of another one.
    """

    def __init__(self, place: Path, config: "LibraryConfig") -> None:
        self._place = place
        self._config = config.model_dump(mode="json", by_alias=True)
        self.after: list[tuple[str, str] | None] = []
        self.written = 0
        if LibraryPaths(place.parent).exists():
            raise LibraryExists(f"{place.parent} holds a library already: choose another folder")
        found = _read(place)
        self.known = found is not None
        if found is not None:
            if found.get("config") != self._config:
                raise LibraryError(
                    f"{place.parent} holds an unfinished copy, of another library or over another store: "
                    "remove it, or choose another folder"
                )
            self.after = [None if each is None else (each[0], each[1]) for each in found["after"]]
            self.written = found["written"]

    @property
    def begun(self) -> bool:
        """True where the stores have been made."""
        return bool(self.after)

    def begin(self, stores: int) -> None:
        """Note that the stores have been made."""
        self.after = [None] * stores
        self.save()

    def reach(self, store: int, page: "Sequence[Record]") -> None:
        """Note that the next records of a store are written."""
        self.after[store] = (page[-1].sha256, page[-1].id)
        self.written += len(page)
        self.save()

    def save(self) -> None:
        """Write the file. Raises `LibraryError`."""
        try:
            put(self._place, json.dumps({"config": self._config, "after": self.after, "written": self.written}))
        except OSError as exc:
            raise LibraryError(f"cannot write to {self._place.parent}: {exc.strerror}") from exc

    def remove(self) -> None:
        self._place.unlink(missing_ok=True)


def _config(old: "LibraryConfig", url: str | None) -> "LibraryConfig":
    """Return the configuration of the new library, whose state lies in its folder until all has been copied.

    Raises as `check_url`, and `LibraryError` for a store in memory.
    """
    url = old.store if url is None else url
    registry.check_url(url)
    if url.startswith("memory:"):
        raise LibraryError("a store in memory is empty when it is opened again: name another --store")
    return old.model_copy(update={"format": FORMAT, "store": url, "state": DEFAULT_STATE, "generation": 0})


def _read(place: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(place.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise LibraryError(f"cannot read {place}: {exc}; remove the folder, or choose another one") from exc
    return found if isinstance(found, dict) else {}
