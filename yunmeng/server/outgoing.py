"""Limits the bytes of large answers that wait for slow clients."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from anyio.lowlevel import checkpoint
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from yunmeng.errors import Busy

__all__ = ["Outgoing"]

WAITING_BYTES: Final = 256_000_000
"""Of all answers together; beyond them a file has to wait until others have been taken."""
PIECE: Final = 256 * 1024


class Outgoing:
    """Counts the bytes of files that are being sent, and keeps at most `WAITING_BYTES` of them in memory."""

    def __init__(self) -> None:
        self._bytes = 0

    async def read(self, size: int, reading: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return what ``reading`` reads, about ``size`` bytes.

        Raises `Busy` before it reads where too much is being sent or read already: many clients that ask for large
        files would otherwise occupy the threads and the memory with files that are then not sent.
        """
        self._check(size)
        self.hold(size)
        try:
            return await reading()
        finally:
            self.hold(-size)

    def file(self, data: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
        """Return ``data`` as an answer. Raises `Busy` where too much is being sent already."""
        self._check(len(data))
        return _File(self, data, media_type, headers)

    def hold(self, size: int) -> None:
        """Add ``size`` to the bytes that are being sent; it is negative when they have been sent."""
        self._bytes += size

    def _check(self, size: int) -> None:
        if self._bytes and self._bytes + size > WAITING_BYTES:
            raise Busy("many large files are being sent already: ask again in a moment")


class _File(Response):
    """An answer sent in pieces, each after the client has taken those before it, so that its bytes are free then."""

    def __init__(self, outgoing: Outgoing, data: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(data, media_type=media_type, headers=headers)
        self._outgoing = outgoing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  as all answers
        data = memoryview(self.body)
        self._outgoing.hold(len(data))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for begin in range(0, len(data), PIECE):
                piece = bytes(data[begin : begin + PIECE])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await checkpoint()  # a fast client takes piece after piece, and others want their turn
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._outgoing.hold(-len(data))
