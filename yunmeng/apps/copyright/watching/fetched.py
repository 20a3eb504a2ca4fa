"""Table of the URLs that a watch has fetched: when each is asked for again, and by which validators."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from yunmeng.net.fetch import Validators
from yunmeng.state.database import State
from yunmeng.state.tables import Base

__all__ = ["FetchedUrls"]

_LONGEST: Final = timedelta(days=1)
"""The longest time after which a URL is asked for again that has not changed."""


class FetchedRow(Base):
    """A URL whose picture was checked: when it was asked for last, and when its picture was last another one."""

    __tablename__ = "copyright_fetched"

    url_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    etag: Mapped[str] = mapped_column(String(1000))
    modified: Mapped[str] = mapped_column(String(100))
    picture_sha256: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class FetchedUrls:
    """The URLs that a watch has fetched. Threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def due(self, url: str) -> Validators | None:
        """Return the validators to ask for a URL with; None where it is not to be asked for yet.

        What has not changed for some time is left alone for as long again, up to a day: a site with ten thousand
        pictures is not asked for each of them in every round.
        """
        with self._state.reading() as session:
            row = session.get(FetchedRow, _key(url))
            if row is None:
                return Validators()
            asked, changed = (at.replace(tzinfo=UTC) for at in (row.asked_at, row.changed_at))
            wait = min(_LONGEST, asked - changed)
            return Validators(row.etag, row.modified) if datetime.now(UTC) - asked >= wait else None

    def note(self, url: str, validators: Validators, picture: bytes | None) -> None:
        """Note that a URL was asked for, and its picture; None where it has not changed."""
        now = datetime.now(UTC)
        digest = None if picture is None else sha256(picture).hexdigest()
        with self._state.transaction() as session:
            row = session.get(FetchedRow, _key(url))
            if row is None:
                row = FetchedRow(url_sha256=_key(url), picture_sha256="")
                session.add(row)
            row.asked_at = now
            # what is longer than any server needs is not sent back
            row.etag = validators.etag if len(validators.etag) <= 1000 else ""
            row.modified = validators.modified if len(validators.modified) <= 100 else ""
            if digest is not None and digest != row.picture_sha256:
                row.changed_at = now
                row.picture_sha256 = digest


def _key(url: str) -> str:
    return sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
