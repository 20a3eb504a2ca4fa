"""Table of clicks: which products people chose, and what they had asked for."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cachetools import TTLCache
from sqlalchemy import JSON, LargeBinary, String, select
from sqlalchemy.orm import Mapped, mapped_column

from yunmeng.apps.shop.types import Click, QueryKind
from yunmeng.errors import RecordNotFound
from yunmeng.state.tables import Base

if TYPE_CHECKING:
    from yunmeng.state.database import State
    from yunmeng.types import Vector

__all__ = ["ClickLog", "Shown"]

REMEMBERED: Final = 10_000
"""Answers that can still be clicked on; what nobody clicks on is not kept on disk."""
SECONDS: Final = 86_400


class ShopClickRow(Base):
    """One click. The texts that come from outside are JSON, as they may hold what no text column takes."""

    __tablename__ = "shop_clicks"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  a number never comes to mean another click

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    search: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[QueryKind] = mapped_column(String(16))
    query: Mapped[str] = mapped_column(JSON)
    product: Mapped[str] = mapped_column(JSON)
    place: Mapped[int]
    shown: Mapped[list[str]] = mapped_column(JSON)
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of an answer: what was asked with, and the ids of the products, the first of them behind ``offset``."""

    kind: QueryKind
    query: str
    vector: "Vector | None"
    offset: int
    products: Sequence[str]


class ClickLog:
    """The clicks of one library. Threads may share it."""

    def __init__(self, state: "State") -> None:
        self._state = state
        self._answers: TTLCache[str, Shown] = TTLCache(REMEMBERED, SECONDS)
        self._lock = threading.Lock()

    def remember(self, shown: Shown) -> str:
        """Remember an answer in memory for a day, and return its name for `click`."""
        name = uuid.uuid4().hex
        with self._lock:
            self._answers[name] = shown
        return name

    def click(self, search: str, product: str) -> Click:
        """Keep a click on a product of an answer. Raises `RecordNotFound` if there is no such answer any more."""
        with self._lock:
            answer = self._answers.get(search)
        if answer is None or product not in answer.products:
            raise RecordNotFound("there is no answer of this name with this product, or not any more: search again")
        row = ShopClickRow(
            at=datetime.now(UTC),
            search=search,
            kind=answer.kind,
            query=answer.query,
            product=product,
            place=answer.offset + answer.products.index(product) + 1,
            shown=list(answer.products),
            vector=None if answer.vector is None else answer.vector.astype("<f2").tobytes(),
        )
        with self._state.transaction() as session:
            session.add(row)
            session.flush()
            return _click(row)

    def clicks(self, after: int = 0, limit: int = 1000) -> list[Click]:
        """Return the next ``limit`` clicks behind number ``after``, the oldest first."""
        query = select(ShopClickRow).where(ShopClickRow.id > after).order_by(ShopClickRow.id).limit(limit)
        with self._state.reading() as session:
            return list(map(_click, session.scalars(query)))


def _click(row: ShopClickRow) -> Click:
    return Click(
        number=row.id,
        at=row.at.replace(tzinfo=UTC),  # SQLite forgets the time zone
        search=row.search,
        product=row.product,
        place=row.place,
        kind=row.kind,
        query=row.query,
        shown=tuple(row.shown),
        vector=row.vector,
    )
