"""Findings sent to a web address, each signed, and again later where that failed."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from yunmeng.errors import QueryError

if TYPE_CHECKING:
    from yunmeng.apps.copyright.watching.tables import Finding, FindingTables
    from yunmeng.config import Settings

__all__ = ["Webhook", "event_of", "signature"]

_AT_ONCE: Final = 20
_FIRST_WAIT: Final = 5.0  # seconds before the second attempt; each further wait is twice as long,
_LONGEST_WAIT: Final = 3600.0  # up to this


def event_of(finding: "Finding") -> dict[str, Any]:
    """Return what is told of a finding, as values for JSON."""
    return {
        "event": "copyright.finding",
        "finding": finding.number,
        "found_at": finding.found_at.isoformat(),
        "source": finding.source,
        "sha256": finding.sha256,
        **finding.found,
    }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the time stamp, a full stop and the body, as the header X-Yunmeng-Signature has it."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """Sends findings to the address of the settings."""

    def __init__(self, settings: "Settings", tables: "FindingTables") -> None:
        self._settings = settings
        self._tables = tables

    @property
    def wanted(self) -> bool:
        """True where the settings name an address. Raises `QueryError` where they name no secret beside it."""
        if self._settings.webhook_url is not None and self._settings.webhook_secret is None:
            raise QueryError("set YUNMENG_WEBHOOK_SECRET: the receiver knows by it that a finding comes from you")
        return self._settings.webhook_url is not None

    def deliver(self) -> list[str]:
        """Send what is due, and return what went wrong, a line for each failure, after which it waits again."""
        problems = []
        for finding in self._tables.due(_AT_ONCE) if self.wanted else ():
            wrong = self._post(finding)
            if wrong is None:
                self._tables.sent(finding.number)
                continue
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**finding.attempts)
            self._tables.failed(finding.number, finding.attempts + 1, datetime.now(UTC) + timedelta(seconds=wait))
            problems.append(f"finding {finding.number} was not sent, next attempt in {wait:g} s: {wrong}")
        return problems

    def _post(self, finding: "Finding") -> str | None:
        """Return what went wrong."""
        import httpx

        settings = self._settings
        assert settings.webhook_url is not None
        assert settings.webhook_secret is not None
        body, timestamp = json.dumps(event_of(finding)).encode(), str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Yunmeng-Timestamp": timestamp,
            "X-Yunmeng-Signature": signature(settings.webhook_secret.get_secret_value(), timestamp, body),
        }
        try:
            answer = httpx.post(settings.webhook_url, content=body, headers=headers, timeout=settings.url_timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return str(exc) or type(exc).__name__
        return None if answer.is_success else f"HTTP status {answer.status_code}"
