"""The calls of the API about recommendation. Both clients have them as methods."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from yunmeng.apps.recommend.schemas import Erased, EventsOut, Forgotten, Picks, Tastes, UserOut
from yunmeng.apps.recommend.types import EventKind, Method
from yunmeng.schemas.call import Call
from yunmeng.schemas.text import to_wire

__all__ = [
    "erase_user",
    "export_user",
    "forget_event",
    "mute_taste",
    "recommend",
    "recommend_similar",
    "record_event",
    "record_events",
    "tastes",
]

_PLACE: Final = "/v1/recommend"


def record_event(
    user: str, picture: str, kind: EventKind, at: datetime | None = None, id: str | None = None
) -> Call[EventsOut]:
    """Record that a user did something with a picture; the same ``id`` counts once."""
    return record_events([{"user": user, "picture": picture, "kind": kind, "at": at, "id": id}])


def record_events(events: Iterable[Mapping[str, Any]]) -> Call[EventsOut]:
    """Record at most 10,000 events, each with user, picture, kind, and, if known, at (a datetime) and id."""
    body = {"events": [_event(event) for event in events]}
    return Call("POST", f"{_PLACE}/events", EventsOut.model_validate_json, json=body)


def forget_event(id: str) -> Call[Forgotten]:
    """Remove one event, as if it had not been."""
    return Call("DELETE", f"{_PLACE}/events/{quote(to_wire(id), safe='')}", Forgotten.model_validate_json)


def recommend(
    user: str, k: int = 20, offset: int = 0, filter: str | None = None, method: Method = "tastes"
) -> Call[Picks]:
    """Return pictures that a user may like, the best first."""
    params = {"user": user, "method": method, **_page(k, offset, filter)}
    return Call("GET", f"{_PLACE}/picks", Picks.model_validate_json, params=params)


def recommend_similar(picture: str, k: int = 20, offset: int = 0, filter: str | None = None) -> Call[Picks]:
    """Return pictures that are like one of the library, the most alike first."""
    place = f"{_PLACE}/similar/{quote(to_wire(picture), safe='')}"
    return Call("GET", place, Picks.model_validate_json, params=_page(k, offset, filter))


def tastes(user: str) -> Call[Tastes]:
    """Return the tastes of a user, those that count most first."""
    return Call("GET", f"{_PLACE}/tastes", Tastes.model_validate_json, params={"user": user})


def mute_taste(user: str, picture: str, muted: bool = True) -> Call[Tastes]:
    """Mute the taste that has a picture, or unmute it."""
    body = {"user": user, "picture": to_wire(picture), "muted": muted}
    return Call("POST", f"{_PLACE}/tastes/mute", Tastes.model_validate_json, json=body)


def export_user(user: str) -> Call[UserOut]:
    """Return all that is kept of a user."""
    return Call("GET", f"{_PLACE}/user", UserOut.model_validate_json, params={"user": user})


def erase_user(user: str) -> Call[Erased]:
    """Erase all that is kept of a user."""
    return Call("DELETE", f"{_PLACE}/user", Erased.model_validate_json, params={"user": user})


def _page(k: int, offset: int, filter: str | None) -> dict[str, str | int]:
    return {"k": k, "offset": offset, **({} if filter is None else {"filter": filter})}


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in event.items() if value is not None}
    if isinstance(moment := given.get("at"), datetime):
        given["at"] = moment.isoformat()
    return {**given, "picture": to_wire(given["picture"])}
