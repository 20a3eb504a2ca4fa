"""Keys of the HTTP API: made once, shown once, kept as digests."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from yunmeng.state.database import State
from yunmeng.state.tables import KeyRow
from yunmeng.types import Scope

__all__ = ["Key", "Keys"]

ENTROPY = 32  # bytes: nobody guesses it, so one round of SHA-256 hides it as well as a slow hash hides a password


@dataclass(frozen=True, slots=True)
class Key:
    """All that is known of a key, without the key itself."""

    id: str
    name: str
    scope: Scope
    created_at: datetime


class Keys:
    """The keys of one library."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, name: str, scope: Scope) -> tuple[Key, str]:
        """Make a key; return it and its secret, ``ym_...``, which is shown only this once."""
        secret = f"ym_{secrets.token_urlsafe(ENTROPY)}"
        key = Key(secrets.token_hex(4), name, scope, datetime.now(UTC))
        with self._state.transaction() as session:
            session.add(KeyRow(id=key.id, name=name, scope=scope, digest=_digest(secret), created_at=key.created_at))
        return key, secret

    def find(self, secret: str) -> Key | None:
        """Return the key with this secret, if there is one."""
        query = select(KeyRow).where(KeyRow.digest == _digest(secret))
        with self._state.reading() as session:
            row = session.scalars(query).one_or_none()
            return None if row is None else _key(row)

    def all(self) -> list[Key]:
        """Return every key, oldest first."""
        with self._state.reading() as session:
            return [_key(row) for row in session.scalars(select(KeyRow).order_by(KeyRow.created_at))]

    def any(self) -> bool:
        """Return whether there is a key."""
        with self._state.reading() as session:
            return bool(session.scalar(select(func.count()).select_from(KeyRow)))

    def revoke(self, id: str) -> bool:
        """Revoke a key. Returns whether there was one."""
        with self._state.transaction() as session:
            found = session.get(KeyRow, id)
            session.execute(delete(KeyRow).where(KeyRow.id == id))
            return found is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _key(row: KeyRow) -> Key:
    scope: Scope = row.scope  # type: ignore[assignment]  # only a `Scope` is ever written
    return Key(row.id, row.name, scope, row.created_at.replace(tzinfo=UTC))
