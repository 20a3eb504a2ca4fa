"""The calls of the API about registered works. Both clients have them as methods."""

import json
from pathlib import Path
from typing import Any, Final

from yunmeng.apps.copyright.schemas import (
    CheckAnswer,
    CheckStarted,
    EntryOut,
    FindingOut,
    FindingPage,
    HeadOut,
    RegisterOut,
    VerificationOut,
    WatchList,
    WatchOut,
    WorkHistory,
    WorkMatchOut,
    WorkOut,
    WorkPage,
)
from yunmeng.apps.copyright.types import Language, ReportFormat
from yunmeng.schemas.call import Call, Pages, Part
from yunmeng.schemas.text import to_wire

__all__ = [
    "check_library",
    "check_works",
    "copy_findings",
    "correct_work",
    "dismiss_finding",
    "export_register",
    "prove_work",
    "register_work",
    "registered_works",
    "report_copy",
    "show_work",
    "stamp_register",
    "unwatch_url",
    "verify_register",
    "watch_url",
    "watched_urls",
    "withdraw_work",
    "works_register",
]

_PLACE: Final = "/v1/copyright"


def works_register() -> Call[RegisterOut]:
    """Return how much is registered, the tree head, and when it was stamped last."""
    return Call("GET", _PLACE, RegisterOut.model_validate_json)


def register_work(
    picture: str | Path | bytes, owner: str, title: str = "", licence: str = "", date: str = "", notes: str = ""
) -> Call[WorkOut]:
    """Register a work: the id of a picture of the library, a path, or a file's bytes, which then join the library.

    ``date`` is YYYY, YYYY-MM or YYYY-MM-DD.
    """
    details = {"owner": owner, "title": title, "licence": licence, "date": date, "notes": notes}
    if isinstance(picture, str):
        body = {"id": to_wire(picture), **details}
        return Call("POST", f"{_PLACE}/works", WorkOut.model_validate_json, json=body)
    parts = [_file(picture), *((name, (None, text.encode())) for name, text in details.items())]
    return Call("POST", f"{_PLACE}/works/upload", WorkOut.model_validate_json, parts=parts)


def registered_works(owner: str | None = None, withdrawn: bool = False, page: int = 100) -> Pages[WorkPage, WorkOut]:
    """Iterate over works by number: those of an ``owner`` only, and with or without those that were withdrawn."""

    def ask(offset: int) -> Call[WorkPage]:
        params: dict[str, str | int] = {"offset": offset, "limit": page, "withdrawn": "true" if withdrawn else "false"}
        if owner is not None:
            params["owner"] = owner
        return Call("GET", f"{_PLACE}/works", WorkPage.model_validate_json, params=params)

    return Pages(
        ask(0),
        items=lambda answer: answer.works,
        following=lambda answer: None if answer.next_offset is None else ask(answer.next_offset),
    )


def show_work(number: int) -> Call[WorkHistory]:
    """Return a work, and all its entries."""
    return Call("GET", f"{_PLACE}/works/{number}", WorkHistory.model_validate_json)


def correct_work(number: int, **changes: str) -> Call[WorkOut]:
    """Say something else about a work; ``changes`` are details by name."""
    return Call("POST", f"{_PLACE}/works/{number}/correct", WorkOut.model_validate_json, json=changes)


def withdraw_work(number: int, notes: str = "") -> Call[WorkOut]:
    """Take a work back; ``notes`` say why."""
    return Call("POST", f"{_PLACE}/works/{number}/withdraw", WorkOut.model_validate_json, json={"notes": notes})


def prove_work(number: int) -> Call[dict[str, Any]]:
    """Return the proof that an entry is in the register."""
    return Call("GET", f"{_PLACE}/works/{number}/proof", json.loads)


def export_register() -> Call[dict[str, Any]]:
    """Return the whole register, so that it can be checked without Yunmeng."""
    return Call("GET", f"{_PLACE}/register", json.loads)


def verify_register(earlier: HeadOut | None = None) -> Call[VerificationOut]:
    """Recompute the whole register, and tell what was touched, and where; ``earlier`` is a tree head kept elsewhere."""
    body = {} if earlier is None else {"earlier": earlier.model_dump()}
    return Call("POST", f"{_PLACE}/verify", VerificationOut.model_validate_json, json=body)


def stamp_register() -> Call[EntryOut]:
    """Ask the authority that the server's settings name to confirm the time of the tree head."""
    return Call("POST", f"{_PLACE}/stamp", EntryOut.model_validate_json)


def check_works(picture: str | Path | bytes, k: int = 5, min_chance: float = 0.5) -> Call[list[WorkMatchOut]]:
    """Return the works that a picture was made from: the id of one of the library, a path, or a file's bytes."""
    if isinstance(picture, str):
        body = {"id": to_wire(picture), "k": k, "min_chance": min_chance}
        return Call("POST", f"{_PLACE}/check", _matches, json=body)
    options = [("k", (None, str(k).encode())), ("min_chance", (None, str(min_chance).encode()))]
    return Call("POST", f"{_PLACE}/check/upload", _matches, parts=[_file(picture), *options])


def check_library() -> Call[CheckStarted]:
    """Check all pictures of the library in the background, as a job; `copy_findings` iterates over what it found."""
    return Call("POST", f"{_PLACE}/check/library", CheckStarted.model_validate_json)


def watched_urls() -> Call[WatchList]:
    """Return the URLs that the server watches, and how their last rounds went."""
    return Call("GET", f"{_PLACE}/watches", WatchList.model_validate_json)


def watch_url(url: str, every: int = 900) -> Call[WatchOut]:
    """Let the server watch a sitemap, a feed or a list of URLs, read again ``every`` so many seconds."""
    body = {"url": to_wire(url), "every": every}
    return Call("POST", f"{_PLACE}/watches", WatchOut.model_validate_json, json=body)


def unwatch_url(number: int) -> Call[WatchList]:
    """End a watch. What it found stays."""
    return Call("DELETE", f"{_PLACE}/watches/{number}", WatchList.model_validate_json)


def report_copy(
    picture: str | Path | bytes, work: int | None = None, language: Language = "en", format: ReportFormat = "html"
) -> Call[bytes]:
    """Return the evidence that a picture was made from a work, or from the likeliest one: one HTML file, or PDF.

    The picture is the id of one of the library, a path, or a file's bytes.
    """
    options = {"language": language, "format": format, **({} if work is None else {"work": work})}
    if isinstance(picture, str):
        return Call("POST", f"{_PLACE}/report", bytes, json={"id": to_wire(picture), **options})
    name = picture.name if isinstance(picture, Path) else ""
    fields = [(key, (None, str(value).encode())) for key, value in {**options, "name": to_wire(name)}.items()]
    return Call("POST", f"{_PLACE}/report/upload", bytes, parts=[_file(picture), *fields])


def copy_findings(dismissed: bool = False, page: int = 100) -> Pages[FindingPage, FindingOut]:
    """Iterate over what a watch has found, the newest first; ``dismissed``: over false alarms instead."""

    def ask(offset: int) -> Call[FindingPage]:
        params: dict[str, str | int] = {"offset": offset, "limit": page, "dismissed": "true" if dismissed else "false"}
        return Call("GET", f"{_PLACE}/findings", FindingPage.model_validate_json, params=params)

    return Pages(
        ask(0),
        items=lambda answer: answer.findings,
        following=lambda answer: None if answer.next_offset is None else ask(answer.next_offset),
    )


def dismiss_finding(number: int) -> Call[FindingOut]:
    """Mark a finding as a false alarm: no check tells of this picture and this work again."""
    return Call("POST", f"{_PLACE}/findings/{number}/dismiss", FindingOut.model_validate_json)


def _file(picture: Path | bytes) -> Part:
    return "file", ("picture", picture if isinstance(picture, bytes) else picture.read_bytes())


def _matches(body: bytes) -> list[WorkMatchOut]:
    return CheckAnswer.model_validate_json(body).matches
