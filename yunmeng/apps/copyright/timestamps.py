"""Time stamps of the register by an authority (RFC 3161). Needs the extra ``copyright``."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from yunmeng.apps.copyright.tables import canonical
from yunmeng.apps.copyright.types import TreeHead
from yunmeng.config import Settings
from yunmeng.errors import FetchError, MissingExtra, QueryError, Reason, SettingsError, YunmengError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

__all__ = ["Stamper"]

_LONGEST: Final = 100_000  # bytes of an answer: certificates take a few thousand
_TYPE: Final = "application/timestamp-query"


class Stamper:
    """Asks the authority of the settings for time stamps, and checks them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def url(self) -> str | None:
        """The authority; None where the settings name none."""
        return self._settings.tsa_url

    def stamp(self, head: TreeHead) -> dict[str, Any]:
        """Return the content of an entry that proves when ``head`` was the tree head.

        Raises `QueryError` where no authority is set, `MissingExtra`, `SettingsError`, and `FetchError` where the
        authority does not answer as it should.
        """
        if self.url is None:
            raise QueryError("no authority for time stamps is set: set YUNMENG_TSA_URL")
        data = canonical(head.as_dict())
        client = _client()
        request = client.TimestampRequestBuilder().data(data).hash_algorithm(client.HashAlgorithm.SHA256).build()
        answer = self._ask(self.url, request.as_bytes())
        wrong = self._wrong(answer, data, request.nonce) if self._settings.tsa_certificates else None
        try:
            decoded = client.decode_timestamp_response(answer)
            imprint = decoded.tst_info.message_imprint.message
            stamped_at = decoded.tst_info.gen_time.isoformat().replace("+00:00", "Z")
        except ValueError as exc:
            raise _unusable(self.url, str(exc)) from exc
        if imprint != hashlib.sha256(data).digest() or decoded.tst_info.nonce != request.nonce:
            wrong = "it is of something else"
        if wrong is not None:
            raise _unusable(self.url, wrong)
        return {
            "kind": "timestamp",
            "head": head.as_dict(),
            "authority": self.url,
            "stamped_at": stamped_at,
            "response": base64.b64encode(answer).decode(),
        }

    def check(self, content: Mapping[str, Any]) -> str | None:
        """Return what is wrong with the signature of a time stamp, None if it is good.

        Raises `LookupError` where it cannot be checked: without the extra, or without certificates.
        """
        if self._settings.tsa_certificates is None:
            raise LookupError("YUNMENG_TSA_CERTIFICATES is not set")
        try:
            answer = base64.b64decode(content["response"], validate=True)
            return self._wrong(answer, canonical(content["head"]))
        except MissingExtra as exc:
            raise LookupError(str(exc)) from exc
        except (KeyError, TypeError, binascii.Error):
            return "it holds no answer of an authority"

    def _ask(self, url: str, request: bytes) -> bytes:
        import httpx

        try:
            seconds = self._settings.url_timeout
            answer = httpx.post(url, content=request, headers={"Content-Type": _TYPE}, timeout=seconds)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise _unusable(url, str(exc) or type(exc).__name__) from exc
        if answer.status_code != 200:
            raise _unusable(url, f"HTTP status {answer.status_code}")
        if len(answer.content) > _LONGEST:
            raise _unusable(url, f"more than {_LONGEST:,} bytes")
        return answer.content

    def _wrong(self, answer: bytes, data: bytes, nonce: int | None = None) -> str | None:
        client = _client()
        certificates = _certificates(self._settings.tsa_certificates)
        roots = [one for one in certificates if one.issuer == one.subject]
        others = [one for one in certificates if one.issuer != one.subject]
        try:
            response: TimeStampResponse = client.decode_timestamp_response(answer)
            verifier = client.VerifierBuilder(roots=roots, intermediates=others, nonce=nonce).build()
            verifier.verify_message(response, data)
        except (ValueError, client.VerificationError) as exc:
            return str(exc)
        return None


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError as exc:
        raise MissingExtra("time stamps", "copyright") from exc
    return rfc3161_client


def _certificates(file: Path | None) -> "list[Certificate]":
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(file.read_bytes()) if file is not None else []
    except (OSError, ValueError) as exc:
        raise SettingsError(f"YUNMENG_TSA_CERTIFICATES is wrong: {file} holds no certificates: {exc}") from exc


def _unusable(url: str, why: str) -> YunmengError:
    return FetchError(Reason.UNFETCHABLE, f"no time stamp from {url}: {why.splitlines()[0]}")
