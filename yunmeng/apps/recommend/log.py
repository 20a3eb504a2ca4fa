"""Events out of files, and out of what callers say: checked, with an id each."""

import csv
import hashlib
import json
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, get_args

from yunmeng.apps.recommend.types import Event, EventKind
from yunmeng.errors import QueryError, SourceError
from yunmeng.ingest.text import read_lines
from yunmeng.stores.ids import is_storable
from yunmeng.types import Failure

__all__ = ["MOST_LETTERS", "check_user", "made_event", "read_log"]

MOST_LETTERS: Final = 200
"""Characters of the name of a user, and of the id of an event, at most."""

_FIELDS: Final = ("user", "picture", "kind", "at", "id")
_KINDS: Final = get_args(EventKind)
_DELIMITERS: Final = {".csv": ",;\t", ".tsv": "\t"}
_JSON: Final = frozenset({".jsonl", ".ndjson"})
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)  # clocks of other machines


def made_event(user: object, picture: object, kind: object, at: object = None, id: object = None) -> Event:
    """Return an event, checked.

    ``at`` is a datetime, ISO 8601 (UTC where it names no zone) or seconds since 1970, None for now; ``id`` is any text
    or number, None for a new one. Raises `QueryError` for values that are none.
    """
    if kind not in _KINDS:
        raise QueryError(f"the kind {_shown(kind)} is none: {', '.join(_KINDS)}")
    if isinstance(picture, int) and not isinstance(picture, bool):
        picture = str(picture)
    if not isinstance(picture, str) or not is_storable(picture):
        raise QueryError(f"the picture {_shown(picture)} is no id")
    moment = datetime.now(UTC) if at is None else _moment(at)
    name = uuid.uuid4().hex if id is None else _name(id, "id")
    return Event(check_user(user), picture, kind, moment, name)  # type: ignore[arg-type]  # it is one of the kinds


def check_user(user: object) -> str:
    """Return the name of a user as text. Raises `QueryError` for one that is none."""
    return _name(user, "user")


def read_log(file: Path) -> Iterator[Event | Failure]:
    """Yield the events of a CSV or JSONL file; a failure for each row that is none.

    Columns are user, picture, kind, at and, if there is one, id: a row without id gets one made of the others, so that
    it counts once too. Raises `SourceError` where the file cannot be read.
    """
    ending = file.suffix.lower()
    if ending not in _DELIMITERS and ending not in _JSON:
        raise SourceError(f"{file} is no log of events: its name must end in .csv, .tsv, .jsonl or .ndjson")
    rows = _json_rows(file) if ending in _JSON else _delimited_rows(file, _DELIMITERS[ending])
    for number, row in rows:
        try:
            yield _event(row)
        except QueryError as exc:
            yield Failure(f"{file.name} line {number}", str(exc))


def _event(row: Mapping[str, Any] | str) -> Event:
    if isinstance(row, str):
        raise QueryError(row)
    user, picture, kind, at, id = (row.get(field) for field in _FIELDS)
    for field, value in (("user", user), ("picture", picture), ("kind", kind), ("at", at)):
        if value in (None, ""):
            raise QueryError(f"{field} is missing")
    event = made_event(user, picture, kind, at, id if id not in (None, "") else "x")
    return event if id not in (None, "") else event._replace(id=_digest(event))


def _digest(event: Event) -> str:
    told = json.dumps([event.user, event.picture, event.kind, event.at.timestamp()])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _json_rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    with closing(read_lines(file)) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield number, row if isinstance(row, dict) else "it is no JSON object"


def _delimited_rows(file: Path, delimiters: str) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    with closing(read_lines(file)) as lines:
        first = next(lines, "")
        delimiter = max(delimiters, key=first.count)
        columns = [name.strip().casefold() for name in next(csv.reader([first], delimiter=delimiter), [])]
        if missing := [field for field in _FIELDS[:4] if field not in columns]:
            raise SourceError(
                f"{file} needs a first line with the columns user, picture, kind and at; {missing[0]} is missing"
            )
        rows = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                cells = next(rows, None)
            except csv.Error as exc:
                yield rows.line_num + 1, str(exc)
                continue
            if cells is None:
                return
            if any(cells):
                yield rows.line_num + 1, _row(columns, cells)


def _row(columns: Sequence[str], cells: Sequence[str]) -> Mapping[str, str] | str:
    if len(cells) > len(columns):
        return "there are more cells than in the first line"
    return {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}


def _moment(at: object) -> datetime:
    moment: datetime | None = None
    try:
        if isinstance(at, datetime):
            moment = at
        elif isinstance(at, int | float) and not isinstance(at, bool) and math.isfinite(at):
            moment = datetime.fromtimestamp(at, UTC)
        elif isinstance(at, str):
            moment = datetime.fromtimestamp(float(at), UTC) if _is_number(at) else datetime.fromisoformat(at)
    except (ValueError, OverflowError, OSError):
        pass
    if moment is None:
        raise QueryError(
            f"the time {_shown(at)} is none: give ISO 8601, such as 2026-05-01T12:00:00Z, or seconds since 1970"
        )
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not _FIRST <= moment <= datetime.now(UTC) + _AHEAD:
        raise QueryError(
            f"the time {_shown(at)} is before 1970 or in the future; seconds since 1970 are no milliseconds"
        )
    return moment


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and len(text.partition(".")[0]) > 8  # 20260501 is a date


def _name(value: object, what: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or len(value) > MOST_LETTERS or not value.isprintable():
        raise QueryError(f"the {what} {_shown(value)} is none: give 1 to {MOST_LETTERS} printable characters")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
