"""What a user thinks of pictures, as events tell it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from yunmeng.apps.recommend.types import WEIGHTS, Event, EventKind

__all__ = ["HALF_LIFE", "Opinion", "opinions"]

HALF_LIFE: Final = 30 * 86_400.0
"""Seconds after which an event counts half."""


class Opinion(NamedTuple):
    """What a user thinks of a picture: above 0 for, below 0 against it; ``kind`` is the event that decided it."""

    picture: str
    kind: EventKind
    weight: float


def opinions(events: Iterable[Event], now: datetime) -> list[Opinion]:
    """Return the opinion on each picture, the strongest first.

    The newest event decides, and a view only where there is nothing else. It counts half after each `HALF_LIFE`.
    ``events`` come newest first.
    """
    decisive: dict[str, Event] = {}
    for event in events:
        known = decisive.get(event.picture)
        if known is None or (known.kind == "view" and event.kind != "view"):
            decisive[event.picture] = event
    found = [
        Opinion(event.picture, event.kind, WEIGHTS[event.kind] * _decay(event, now)) for event in decisive.values()
    ]
    return sorted(found, key=lambda opinion: -abs(opinion.weight))


def _decay(event: Event, now: datetime) -> float:
    age = max((now - event.at).total_seconds(), 0.0)
    return float(2.0 ** (-age / HALF_LIFE))
