"""The protocol of stores: vectors and attributes, kept and searched."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

from yunmeng.types import AttributeSchema, Hit, Record, Vector

if TYPE_CHECKING:
    from yunmeng.stores.changes import Changes
    from yunmeng.stores.filters import Filter

__all__ = ["Capabilities", "FileStore", "Store", "VersionSource", "both_frozen", "joined", "joined_version"]

VersionSource: TypeAlias = Literal["none", "files", "store"]
"""What tells, also after a restart, whether the contents of a store are what they were:

- ``none``: nothing does.
- ``files``: they lie in files in the library's folder, which change with every write, and the store is exclusive.
- ``store``: its `Store.version` names them.
"""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of a store. The rest of the program checks them, and does without what is missing.

    Args:
        text: `Store.search_text` finds records by their words. Without it, words are answered by their meaning only.
        groups: `Store.search_groups` is the store's own. Without it, groups are found by repeated searches.
        exclusive: one process at a time has the store open, so that `Store.changes` counts every write that there is.
        version: how to tell whether the contents have changed. Answers are kept over a restart, or in Redis, only if
            there is a way; if there is none and the store is not exclusive either, they are not kept at all.
        files: it is a `FileStore`, whose files a backup can copy.
    """

    text: bool = False
    groups: bool = False
    exclusive: bool = False
    version: VersionSource = "none"
    files: bool = False


class Store(Protocol):
    """Keeps records under their ids and finds them by vector.

    Filters are applied before ranking: a filtered search returns k hits whenever k exist. A filter that names an
    attribute outside ``schema`` raises `FilterError`, a dead backend or a closed store `StoreError`. Ids are as
    `yunmeng.stores.ids` says, any other raises `PictureError` (bad-id). Threads may share a store.
    """

    @property
    def changes(self) -> "Changes":
        """The counter of writes, which notifies watchers when a write is done, in whichever way it ends."""
        ...

    @property
    def schema(self) -> AttributeSchema:
        """The declared attributes, the only ones that filters can name."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of this store; the same for as long as it is open."""
        ...

    def version(self) -> str | None:
        """Return a name of the contents: another one after every write, by any process, and never one used before.

        A result belongs to a version if the version was the same before and after. None unless ``capabilities.version``
        is ``store``.
        """
        ...

    def check_room(self, beside: int = 0) -> None:
        """Raise `DiskFull` if the store could not delete any more once ``beside`` bytes lie in the library's folder.

        A store that keeps no files there does nothing.
        """
        ...

    def upsert(self, records: Sequence[Record]) -> None:
        """Write records, each with its vector; a record with the same id is replaced.

        On return they are durable against the process being killed. All are checked before any is written: an
        attribute that does not fit its declared type raises `PictureError` (bad-attribute), a vector that is not
        float32 (dim,) of length 1 `StoreError`.
        """
        ...

    def delete(self, ids: Sequence[str]) -> int:
        """Remove records; unknown ids are passed over. Returns how many there were."""
        ...

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """Return the records that exist among ``ids``, by id. Vectors come back within rounding."""
        ...

    def find_sha256(self, digests: Sequence[str], *, vectors: bool = False) -> dict[str, list[Record]]:
        """Return the records whose file had one of these SHA-256 digests (hex), by digest."""
        ...

    def search(self, vector: Vector, k: int, filter: "Filter | None" = None) -> list[Hit]:
        """Return the k nearest by cosine, best first; all there are if there are fewer."""
        ...

    def search_groups(self, vector: Vector, k: int, group_by: str, filter: "Filter | None" = None) -> list[Hit]:
        """Return the best hit of each of the k nearest groups, a group being one value of a declared str attribute.

        Records without the attribute belong to no group and are left out. Called only where ``capabilities.groups``.
        """
        ...

    def search_text(self, query: str, k: int, filter: "Filter | None" = None) -> list[Hit]:
        """Return the k records whose text answers ``query`` best by BM25, best first; all there are if there are fewer.

        A record's text is its file's name and the values of its str and list[str] attributes, declared or not, see
        `yunmeng.stores.fulltext`. One word in common is enough. Scores are in (0, 1), no similarities: above a half
        where the record has every word of the query. Any text is a valid query, without a syntax of its own; text
        without words finds nothing. Without ``capabilities.text`` it finds nothing either.
        """
        ...

    def count(self, filter: "Filter | None" = None) -> int:
        """Return how many records there are (that match)."""
        ...

    def iterate(self, filter: "Filter | None" = None, *, vectors: bool = False) -> Iterator[Record]:
        """Return all records (that match), in no particular order, as they were at the call."""
        ...

    def page(self, limit: int, after: tuple[str, str] | None = None, filter: "Filter | None" = None) -> list[Record]:
        """Return the next ``limit`` records (that match) in the order of (sha256, id), behind ``after``, one such pair.

        No write disturbs this order: a caller who goes on from the last record of each page meets every record that
        stays, once. The order looks random, and the last page costs as much as the first.
        """
        ...

    def flush(self) -> None:
        """Make what was written durable against power loss too. For the end of a run, not for every batch."""
        ...

    def unindexed(self) -> int:
        """Return how many records a search has to scan because `optimise` has not indexed them yet."""
        ...

    def optimise(self) -> None:
        """Index what was written since the last call, so that search stays fast. May take minutes."""
        ...

    def close(self) -> None:
        """Write what is outstanding and close. Closing twice does no harm."""
        ...


class FileStore(Store, Protocol):
    """A store that keeps all it has in files of its own."""

    def frozen(self) -> AbstractContextManager[Callable[[Path], None]]:
        """Hold writes until the context is left, and give a function that copies the store's files into a folder.

        Each store becomes a folder in it, under the name that its own has. Searches go on meanwhile.
        """
        ...


def joined(one: Store, other: Store) -> Capabilities:
    """Return what two stores can do together; ``one`` answers words and groups."""
    mine, others = one.capabilities, other.capabilities
    version: VersionSource = mine.version if mine.version == others.version else "none"
    exclusive, files = mine.exclusive and others.exclusive, mine.files and others.files
    return replace(mine, exclusive=exclusive, files=files, version=version)


@contextmanager
def both_frozen(one: Store, other: Store) -> Iterator[Callable[[Path], None]]:
    """Hold the writes to two stores, as `FileStore.frozen` does with one."""
    with cast(FileStore, one).frozen() as copy_one, cast(FileStore, other).frozen() as copy_other:

        def copy(folder: Path) -> None:
            copy_one(folder)
            copy_other(folder)

        yield copy


def joined_version(one: Store, other: Store) -> str | None:
    """Return the version of two stores together; None unless both have one."""
    first, second = one.version(), other.version()
    return None if first is None or second is None else f"{first} {second}"
