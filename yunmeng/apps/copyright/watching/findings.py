"""Findings: copies of works that were found, each picture checked once, and those that were false alarms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from yunmeng.apps.copyright.watching.tables import FalseAlarm, Finding, FindingTables
from yunmeng.errors import RecordNotFound
from yunmeng.imaging.decode import decode
from yunmeng.imaging.describe import describe
from yunmeng.imaging.fingerprint import hamming, sha256

if TYPE_CHECKING:
    from yunmeng.apps.copyright.types import WorkMatch
    from yunmeng.library.library import Library

__all__ = ["FalseAlarms", "Findings", "told"]

_SAME: Final = 31
"""Bits of 256 by which the fingerprints of one picture differ at the most, compressed or scaled anew."""


class FalseAlarms:
    """Leaves out of a check what somebody has marked as a false alarm, also where the file is another one."""

    def __init__(self, library: "Library", tables: FindingTables) -> None:
        self._library = library
        self._tables = tables

    def without(self, picture: bytes, matches: "Sequence[WorkMatch]") -> "list[WorkMatch]":
        """Return the matches of a picture that are no known false alarms."""
        alarms = self._tables.false_alarms([match.work.number for match in matches]) if matches else []
        if not alarms:
            return list(matches)
        digest, pdq = sha256(picture), self.fingerprint(picture)
        known = {alarm.work for alarm in alarms if alarm.sha256 == digest or hamming(alarm.pdq, pdq) <= _SAME}
        return [match for match in matches if match.work.number not in known]

    def fingerprint(self, picture: bytes) -> str:
        """Return the PDQ hash of a picture file. Raises `PictureError`."""
        return describe(decode(picture, max_pixels=self._library.settings.max_pixels))[0].pdq


class Findings:
    """Keeps findings. Threads may share it."""

    def __init__(self, tables: FindingTables, alarms: FalseAlarms) -> None:
        self._tables = tables
        self._alarms = alarms

    def was_seen(self, digest: str) -> bool:
        """Return whether a picture, known by the SHA-256 of its bytes, was kept as checked."""
        return self._tables.was_seen(digest)

    def keep(self, source: str, picture: bytes, matches: "Sequence[WorkMatch]", *, send: bool) -> list[Finding]:
        """Keep that a picture was checked, and what was found; ``send``: it waits to be sent."""
        digest, pdq = sha256(picture), self._alarms.fingerprint(picture)
        self._tables.see(digest, source, pdq, {match.work.number: told(match) for match in matches}, send=send)
        return self._tables.of_picture(digest) if matches else []

    def all(self, offset: int = 0, limit: int = 100, *, dismissed: bool = False) -> list[Finding]:
        """Return findings, the newest first; ``dismissed``: those that were false alarms instead."""
        return self._tables.findings(offset, limit, dismissed=dismissed)

    def dismiss(self, number: int) -> Finding:
        """Mark a finding as a false alarm: no check tells of this picture and this work again.

        Raises `RecordNotFound`.
        """
        finding = self._tables.finding(number)
        if finding is None:
            raise RecordNotFound(f"there is no finding {number}: yunmeng copyright findings names them")
        self._tables.dismiss(FalseAlarm(finding.sha256, finding.pdq, finding.work))
        return self._tables.finding(number) or finding


def told(match: "WorkMatch") -> dict[str, Any]:
    """Return what a check found, as values for JSON."""
    work = match.work
    return {
        "work": work.number,
        "owner": work.details.owner,
        "title": work.details.title,
        "licence": work.details.licence,
        "registered_at": work.registered_at,
        "id": match.id.encode("utf-8", "backslashreplace").decode(),
        "chance": match.chance,
        "verdict": match.verdict,
        "difference": match.difference,
        "edits": [{"name": edit.name, "amount": edit.amount, "detail": edit.detail} for edit in match.edits],
    }
