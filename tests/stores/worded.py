"""Stores without full text whose words are kept in PostgreSQL, for tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres_server import PostgresServer
from tests.stores.examples import DIM
from tests.stores.kinds import Kind
from yunmeng.library.words import WordedStore
from yunmeng.state import State
from yunmeng.state.words import RecordWords
from yunmeng.stores import Capabilities, MemoryStore
from yunmeng.stores.filters import Filter
from yunmeng.stores.protocol import Store
from yunmeng.types import AttributeSchema, Hit


class Wordless(MemoryStore):
    """A store in memory without full text, as Milvus is."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(groups=True)

    def search_text(self, query: str, k: int, filter: Filter | None = None) -> list[Hit]:
        self.count(filter)
        return []


def wordless(_path: Path, schema: AttributeSchema) -> Store:
    return Wordless(DIM, schema)


@contextmanager
def worded_kind(postgres: PostgresServer, make: Callable[[Path, AttributeSchema], Store]) -> Iterator[Kind]:
    """Stores that ``make`` makes, each with words of its own in one database."""
    made = 0

    def worded(path: Path, schema: AttributeSchema) -> Store:
        nonlocal made
        made += 1
        words = RecordWords(lambda: state, f"store-{made}")
        words.begin()
        return WordedStore(make(path, schema), words)

    with State.open(Path("not used"), postgres.database()) as state:
        yield Kind(worded)
