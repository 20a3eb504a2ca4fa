"""The ranking of records by their words, in one query of PostgreSQL."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, bindparam, case, cast, func, select, text, true
from sqlalchemy.dialects.postgresql import TSQUERY

from yunmeng.state.word_tables import WORDS
from yunmeng.stores.bm25 import K1, B

__all__ = ["ranked"]


def ranked(
    store: str,
    needed: Sequence[str],
    helpful: Sequence[str],
    passes: ColumnElement[bool] | None,
    texts: int,
    mean: float,
) -> Any:
    """Return the query for id, ``bm25`` and ``whole`` of all records with any of the words that pass, best first.

    Args:
        store: Whose records.
        needed: Words that a record must have to be ``whole``. These come first.
        helpful: Words that add to its BM25 only.
        passes: The condition of the filter, if there is one.
        texts: How many records the store has.
        mean: Their mean length.
    """
    words = [*needed, *helpful]
    has = [WORDS.c.words.bool_op("@@")(_query([word])).label(f"has_{number}") for number, word in enumerate(words)]
    kept = (true() if passes is None else func.coalesce(passes, False)).label("passes")
    found = (
        select(WORDS.c.id, WORDS.c.length, kept, *has)
        .where(WORDS.c.store == store, WORDS.c.words.bool_op("@@")(_query(words)))
        .cte("found")
    )
    columns = [found.c[column.name] for column in has]
    holding = select(
        func.greatest(func.count(), texts).label("texts"),
        *(func.count().filter(column).label(column.name) for column in columns),
    ).select_from(found)
    rare = holding.cte("rare")
    norm = K1 * (1 - B + B * found.c.length / (mean or 1.0))
    bm25: ColumnElement[float] = cast(0.0, Float)
    for column in columns:
        holders = rare.c[column.name]
        weight = func.ln(1 + (rare.c.texts - holders + 0.5) / (holders + 0.5))
        bm25 += case((column, weight * (K1 + 1) / (1 + norm)), else_=0.0)
    whole = and_(true(), *columns[: len(needed)])
    scored = select(found.c.id, bm25.label("bm25"), whole.label("whole")).join_from(found, rare, true())
    return scored.where(found.c.passes).order_by(text("whole DESC, bm25 DESC, id"))


def _query(words: Iterable[str]) -> ColumnElement[Any]:
    """Return the question for any of the words."""
    return cast(bindparam(None, " | ".join(f"'{word}'" for word in words), unique=True), TSQUERY)
