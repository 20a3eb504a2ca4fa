"""Full text for a store that has none: the words of its records in the state on PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2s
from itertools import chain, pairwise
from typing import Final

from yunmeng.state.conditions import filterable
from yunmeng.state.words import RecordWords, Words
from yunmeng.stores.augmented import layers
from yunmeng.stores.bm25 import stemmed
from yunmeng.stores.changes import Changes
from yunmeng.stores.filters import Filter, check, evaluate
from yunmeng.stores.fulltext import Phrase, share, text_of, text_query
from yunmeng.stores.ids import check_ids
from yunmeng.stores.layered import LayeredStore
from yunmeng.stores.protocol import Capabilities, Store
from yunmeng.stores.schema import conform
from yunmeng.types import AttributeSchema, Hit, Record

__all__ = ["WordedStore", "worded_in", "words_of"]

PORTION: Final = 1000
"""Records whose words are read at once: a second of work, during which they cannot be written."""
MAX_WORD: Final = 256
"""Letters of a word that is kept as it is; of a longer one a digest is."""


class WordedStore(LayeredStore):
    """Keeps records in ``plain``, and their words in a database, by which it finds them. Threads may share it.

    Words are written after their record, and a record is marked before both, see `yunmeng.state.words`. So a killed
    process leaves marks, and `refresh` reads what was written. It also reads the words of records that were there
    before: until it has read all, a search by words finds only some.
    """

    def __init__(self, plain: Store, words: RecordWords) -> None:
        super().__init__(plain)
        self.changes = Changes()
        self.changes.watch_others(plain.changes.overtaken)
        self._words = words

    @property
    def capabilities(self) -> Capabilities:
        """Return those of ``plain``, with words: neither its version nor its files tell of them."""
        return replace(self.plain.capabilities, text=True, version="none", files=False)

    def version(self) -> None:
        return None

    def check_room(self, beside: int = 0) -> None:
        self.plain.check_room(beside)

    def upsert(self, records: Sequence[Record]) -> None:
        check_ids(record.id for record in records)
        words = {record.id: words_of(record, self.schema) for record in records}
        with self.changes.writing(list(words)), self._words.writing(words) as write:
            self.plain.upsert(records)
            write(list(words.values()))

    def delete(self, ids: Sequence[str]) -> int:
        check_ids(ids)
        with self.changes.writing(ids), self._words.writing(ids) as write:
            deleted = self.plain.delete(ids)
            write([])
        return deleted

    def search_text(self, query: str, k: int, filter: Filter | None = None) -> list[Hit]:
        """Search by words as the protocol says. Raises `StateError` while the database does not answer."""
        self.plain.search_text(query, k, filter)  # finds nothing, but tells of a closed store
        if filter is not None:
            check(filter, self.schema)
        asked, size = text_query(query), max(k, 0)
        sought = [_phrase(one) for one in asked.needed], [_phrase(one) for one in asked.helpful]
        while size and asked.phrases:
            found = self._words.find(*sought, size, filter, self.schema)
            records = self.plain.get([each.id for each in found])
            hits = [
                Hit(each.id, share(each.bm25, whole=each.whole), record.uri, record.attributes)
                for each in found
                if (record := records.get(each.id)) is not None  # others are being written, or are unsettled
                and (filter is None or evaluate(filter, record.attributes))
            ]
            if len(hits) >= k or len(found) < size:
                return hits[:k]
            size *= 2
        return []

    def flush(self) -> None:
        self.plain.flush()

    def close(self) -> None:
        self.plain.close()

    def unread(self) -> int:
        """Return about how many records are not found by all of their words yet."""
        marks, more = self._words.left()
        return max(marks, self.plain.count() - self._words.count()) if more else marks

    def is_behind(self) -> bool:
        """Return whether there are such records; those that are being written count too."""
        return self._words.left() != (0, False)

    def is_whole(self) -> bool:
        """Return whether as many records have words as there are; a database of an earlier day has others."""
        return self.plain.count() == self._words.count()

    def read_again(self) -> None:
        """Forget all words, and have `refresh` read them from the records. Until then a search finds fewer."""
        self._words.begin(complete=False)

    def refresh(self) -> bool:
        """Read the words of one portion of those records. Returns whether there may be more to do."""
        if self._words.settle(PORTION, self._read):
            return True
        if not self._words.left()[1]:
            return False  # what is still marked is being written
        self._words.go_on(self._next)
        self._words.settle(PORTION, self._read)
        return True

    def _read(self, ids: Sequence[str]) -> list[Words]:
        self.plain.changes.overtaken()  # have reads show what others have written, those that were killed too
        return [words_of(record, self.schema) for record in self.plain.get(ids).values()]

    def _next(self, after: tuple[str, str] | None) -> list[tuple[str, str]]:
        return [(record.sha256, record.id) for record in self.plain.page(PORTION, after)]


def worded_in(store: Store) -> WordedStore | None:
    """Return the part of ``store`` that keeps the words of records in the state, if there is one."""
    first = layers(store)[0]
    while isinstance(first, LayeredStore) and not isinstance(first, WordedStore):
        first = first.plain
    return first if isinstance(first, WordedStore) else None


def words_of(record: Record, schema: AttributeSchema) -> Words:
    """Return what is kept of the words of a record. Raises `PictureError` (bad-attribute)."""
    conforming = replace(record, attributes=conform(record.attributes, schema))
    words = stemmed(text_of(conforming))
    pairs = (f"{one} {other}" for one, other in pairwise(words) if _is_letter(one) and _is_letter(other))
    kept = dict.fromkeys(chain(map(_bounded, words), pairs))
    return Words(record.id, kept, len(words), filterable(conforming.attributes, schema))


def _phrase(phrase: Phrase) -> str:
    """Return the word that is kept for a phrase of a question: of one word, or two letters of Chinese."""
    return " ".join(map(_bounded, stemmed(" ".join(phrase))))


def _bounded(word: str) -> str:
    return word if len(word) <= MAX_WORD else blake2s(word.encode()).hexdigest()


def _is_letter(word: str) -> bool:
    """Return whether a word may be a letter of a script without spaces, see `yunmeng.stores.fulltext`."""
    return len(word) == 1 and not word.isascii()
