"""HTTP/1.1 on a connection: uvicorn's, with limits on what a client may send and on how long it may take.

uvicorn sets no limit on the size and time of headers, does not count connections, and waits for ever for a client that
does not take its answer. So a client that sends little and slowly could keep a connection as long as it likes, and a
thousand such clients could take all of them.
"""

import asyncio
import ipaddress
import uuid
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from yunmeng.schemas.common import ErrorBody, ErrorDetail
from yunmeng.server.errors import CODES
from yunmeng.server.proxies import Proxies

__all__ = ["Connections", "Protocol", "protocol"]

HEADER_BYTES: Final = 64 * 1024
"""Of the request line and all headers of a request; a filter of 10,000 letters in the address takes 30,000."""
HEADER_SECONDS: Final = 10.0
"""For the request line and all headers; and for the rest of a body that was answered before its end."""
STALLED_SECONDS: Final = 30.0
"""Without a byte of an answer taken, after which a client is given up."""
PIPELINED: Final = 16
"""Requests that a client may send ahead of their answers."""
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 16_000_000
"""How much is still taken of who was refused while sending, so that the answer is not destroyed on its way."""


def protocol(most_connections: int, proxies: Proxies) -> partial["Protocol"]:
    """Return a factory that makes a `Protocol` for each connection of one server."""
    return partial(Protocol, connections=Connections(most_connections), proxies=proxies)


class Connections:
    """All connections of one server, at most ``most`` of them.

    If one more comes, an old one is closed: of the address with the most connections, the one that has waited longest
    for its client. So a client that holds many connections loses one, and others are let in. A connection of a trusted
    proxy is counted for the client whose request it brought last.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: dict[str, dict[Protocol, None]] = {}  # by address, oldest first
        self._count = 0

    def admit(self, connection: "Protocol") -> bool:
        """Note a new connection; return whether there is room for it."""
        if self._count >= self._most and not self._make_room():
            return False
        self._all.setdefault(connection.address, {})[connection] = None
        self._count += 1
        return True

    def forget(self, connection: "Protocol") -> None:
        """Note that a connection is closed."""
        of_address = self._all.get(connection.address, {})
        if connection in of_address:
            del of_address[connection]
            self._count -= 1
            if not of_address:
                del self._all[connection.address]

    def move(self, connection: "Protocol", address: str) -> None:
        """Count a connection for another address from now on."""
        if address != connection.address and connection in self._all.get(connection.address, {}):
            self.forget(connection)
            connection.address = address
            self._all.setdefault(address, {})[connection] = None
            self._count += 1

    def _make_room(self) -> bool:
        for waits in (Protocol.waits_for_header, Protocol.waits_for_body):
            for address in sorted(self._all, key=lambda address: len(self._all[address]), reverse=True):
                found = next(filter(waits, self._all[address]), None)
                if found is not None:
                    self.forget(found)
                    found.abort()
                    return True
        return False


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, connections: Connections, proxies: Proxies, **options: Any) -> None:
        super().__init__(*args, **options)
        self._held = connections
        self._proxies = proxies
        self._timer: asyncio.TimerHandle | None = None  # for a header, or the rest of a body that nobody reads
        self._stalled: asyncio.TimerHandle | None = None
        self._unparsed = 0  # bytes of a header that is not complete, or after a refusal
        self._in_header = False
        self._in_message = False
        self._refused = False
        self.address = ""

    def waits_for_header(self) -> bool:
        """Return whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle  # which uvicorn sets to None at first, and does not say so
        return cycle is None or cycle.response_complete

    def waits_for_body(self) -> bool:
        """Return whether a request has begun, and has not arrived as a whole."""
        return self._in_message

    def abort(self) -> None:
        """Close the connection, whatever is being done on it."""
        self.transport.abort()

    def refuse(self, code: str, message: str) -> None:
        """Answer with an error, parse no more, and close as soon as the client has had time to read it."""
        self._refused = True
        self._unparsed = 0
        self.transport.write(_answer(code, message))
        self._cancel_timer()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    # What uvicorn's connection is told by the network

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = _network(self.client[0] if self.client else "")
        if self._held.admit(self):
            self._timer = self.loop.call_later(HEADER_SECONDS, self._too_late)
        else:
            transport.write(_answer("busy", "the server has too many connections: ask again in a moment"))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.forget(self)
        self._cancel_timer()
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            self._unparsed += len(data)
            if self._unparsed > LINGER_BYTES:
                self.abort()
            return
        super().data_received(data)
        if self._in_header:
            self._unparsed += len(data)
            if self._unparsed > HEADER_BYTES:
                self._refuse_header()
        if len(self.pipeline) > PIPELINED:
            self.abort()
        elif self._timer is None and self.waits_for_header():
            self._timer = self.loop.call_later(HEADER_SECONDS, self._too_late)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._unwatch()
        super().resume_writing()

    # What the parser finds

    def on_message_begin(self) -> None:
        self._in_header = self._in_message = True
        self._unparsed = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_header = False
        self._cancel_timer()
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEADER_BYTES:
            self._refuse_header()
            raise ValueError("the header is too large")  # for the parser to end; it is told as what nobody can parse
        caller = self._proxies.read(self.client[0] if self.client else None, self.headers).client
        if caller is not None:
            self._held.move(self, _network(caller))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own words are no JSON
        if not self._refused:
            self.refuse("bad-request", "this is no request of HTTP/1.1")

    # What takes too long

    def _refuse_header(self) -> None:
        self.refuse("large-header", f"the request line and the headers have more than {HEADER_BYTES:,} bytes")

    def _too_late(self) -> None:
        self._timer = None
        if not self.waits_for_header():
            return
        if self._in_header:
            self.refuse("slow-header", f"the header of the request was not there after {HEADER_SECONDS:g} s")
        else:  # nothing was said at all, or a body that was answered has no end
            self.abort()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self._look_again, left)

    def _unwatch(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _look_again(self, left: int) -> None:
        if self.transport.get_write_buffer_size() >= left:
            self.abort()
        else:
            self._watch()


def _answer(code: str, message: str) -> bytes:
    """Return an error as the API sends it, without the help of the application."""
    status = HTTPStatus(CODES[code])
    request_id = uuid.uuid4().hex
    body = ErrorBody(error=ErrorDetail(code=code, message=message, request_id=request_id)).model_dump_json().encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-ID: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _network(address: str) -> str:
    """Return the part of an address that one caller has: all of an IPv4 address, or 64 bits of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket in the file system
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
