"""The works as the entries of the register leave them."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from yunmeng.apps.copyright.types import Details, Entry, Work

if TYPE_CHECKING:
    from yunmeng.library.config import LibraryConfig
    from yunmeng.types import Record

__all__ = ["Ledger", "correction", "registration", "withdrawal"]


class Ledger:
    """The works after some entries, by number, and the time stamps among these entries."""

    def __init__(self) -> None:
        self.works: dict[int, Work] = {}
        self.stamps: list[Entry] = []
        self.size = 0
        self._by_picture: dict[str, int] = {}

    def apply(self, entry: Entry) -> None:
        """Take in the next entry."""
        content = entry.content
        match entry.kind:
            case "registration":
                work = Work(entry.number, _details(content), content["picture"], content["time"], (entry.number,))
                self._by_picture[work.picture["sha256"]] = work.number
            case "correction" | "withdrawal":
                work = self.works[content["work"]]
                work = replace(work, entries=(*work.entries, entry.number))
                if entry.kind == "correction":
                    work = replace(work, details=_details(content))
                else:
                    work = replace(work, withdrawn=True)
                    self._by_picture.pop(work.picture["sha256"], None)
            case "timestamp":
                self.stamps.append(entry)
        self.size = entry.number
        if entry.kind != "timestamp":
            self.works[work.number] = work

    def of_picture(self, sha256: str) -> Work | None:
        """Return the work that a picture is registered as; None where it is not, or was withdrawn."""
        number = self._by_picture.get(sha256)
        return None if number is None else self.works[number]

    def pictures(self) -> Mapping[str, Work]:
        """Return the works that were not withdrawn, by the SHA-256 of their pictures."""
        return {sha256: self.works[number] for sha256, number in self._by_picture.items()}


def registration(details: Details, record: "Record", config: "LibraryConfig") -> dict[str, Any]:
    """Return the content of an entry that registers a picture; ``record`` comes with its vector."""
    import hashlib

    import numpy as np

    assert record.vector is not None
    vector = np.asarray(record.vector, "<f4").tobytes()
    picture = {
        "id": record.id.encode("utf-8", "backslashreplace").decode(),  # names of files may be no text
        "sha256": record.sha256,
        "part": record.part,
        "width": record.width,
        "height": record.height,
        "phash": record.phash,
        "pdq": record.pdq,
        "vector": hashlib.sha256(vector).hexdigest(),
        "encoder": config.encoder.name,
        "encoder_sha256": config.encoder.sha256,
    }
    return {"kind": "registration", **details.as_dict(), "picture": picture}


def correction(work: Work, details: Details) -> dict[str, Any]:
    """Return the content of an entry that says something else about a work."""
    return {"kind": "correction", "work": work.number, "replaces": work.entries[-1], **details.as_dict()}


def withdrawal(work: Work, notes: str) -> dict[str, Any]:
    """Return the content of an entry that takes a work back."""
    return {"kind": "withdrawal", "work": work.number, "replaces": work.entries[-1], "notes": notes}


def _details(content: Mapping[str, Any]) -> Details:
    return Details(**{each.name: content[each.name] for each in fields(Details)})
