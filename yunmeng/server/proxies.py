"""Proxies in front of the server: whose word is taken on where a request comes from, and under which prefix it came.

A header such as ``X-Forwarded-For`` can be written by everybody. It is believed only if the direct peer of the
connection is one of the proxies that a setting names, and in a chain of them only as far as the chain is trusted.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunmeng.config import PREFIX

if TYPE_CHECKING:
    from yunmeng.server.context import Context

__all__ = ["FORWARDED", "BehindProxy", "Proxies", "cookie_path", "own_path"]

FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-real-ip", "via"})
"""Headers that only a proxy adds."""

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX: Final = re.compile(PREFIX)
_PAIR: Final = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^";,\s]*)')
_ELEMENTS: Final = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')


@dataclass(frozen=True, slots=True)
class Origin:
    """What proxies say of a request; None for what they do not say."""

    client: str | None = None
    scheme: str | None = None
    host: str | None = None
    prefix: str = ""
    disputed: bool = False
    """``Forwarded`` and ``X-Forwarded-For`` name different clients: one of them was written by the client itself."""


class Proxies:
    """The proxies that are trusted, by address or network."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)

    def trusts(self, address: str | None) -> bool:
        """Return whether ``address`` is a proxy's. A peer without an address, as on a Unix socket, is none."""
        parsed = None if not address or not self._trusted else _address(address)
        return parsed is not None and any(parsed in network for network in self._trusted)

    def read(self, peer: str | None, headers: Headers) -> Origin:
        """Return what the headers of a request from ``peer`` say; nothing if it is not trusted."""
        if not self.trusts(peer):
            return Origin()
        said = _lists(headers)
        chain = [_address(one) for one in said["x-forwarded-for"]]
        elements = [_pairs(one) for one in said["forwarded"]]
        client = self._client(chain)
        standard, element = self._client_of(elements)
        if chain and elements and client != standard:
            return Origin(disputed=True)
        if elements and not chain:  # of two families of headers, one may be the client's: never a mixture
            client, scheme, host = standard, element.get("proto", ""), element.get("host", "")
        else:
            scheme, host = _last(said["x-forwarded-proto"]), _last(said["x-forwarded-host"])
        prefix = _last(said["x-forwarded-prefix"]).rstrip("/")
        return Origin(
            client=client,
            scheme=scheme.lower() if scheme.lower() in ("http", "https") else None,
            host=host if _HOST.fullmatch(host) else None,
            prefix=prefix if _PREFIX.fullmatch(prefix) else "",
        )

    def _client(self, chain: Sequence[Address | None]) -> str | None:
        """Return the client at the end of a chain: the last that no trusted proxy is, or the first of all."""
        client = None
        for address in reversed(chain):
            if address is None:  # what a proxy does not know, or hides: the hop before it is the best that is known
                break
            client = str(address)
            if not self.trusts(client):
                break
        return client

    def _client_of(self, elements: Sequence[dict[str, str]]) -> tuple[str | None, dict[str, str]]:
        """Return the client of the header ``Forwarded`` (RFC 7239), and the element that the first proxy wrote."""
        client = self._client([_address(element.get("for", "")) for element in elements])
        for element in reversed(elements):
            if str(_address(element.get("for", ""))) == client:
                return client, element
        return client, elements[-1] if elements else {}


class BehindProxy:
    """ASGI middleware around all others: a request is what it was when it reached the first trusted proxy.

    Its client, scheme and name are the caller's; below a path prefix, ``root_path`` is the prefix. The prefix may be
    in the path or stripped by the proxy. While the server drains, answers close their connections.
    """

    def __init__(self, app: ASGIApp, context: "Context", proxies: Proxies) -> None:
        self._app = app
        self._context = context
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = self._proxies.read((scope.get("client") or (None,))[0], scope["headers"])
        prefix = self._context.settings.path_prefix or origin.prefix
        _adopt(scope, origin)
        if prefix and scope["path"] == prefix:
            query = scope["query_string"].decode("latin-1")
            target = f"{quote(prefix)}/{f'?{query}' if query else ''}"
            await RedirectResponse(target, status_code=308)(scope, receive, send)
            return
        if prefix:
            scope["root_path"] = prefix
            if not scope["path"].startswith(f"{prefix}/"):
                scope["path"] = prefix + scope["path"]
        await self._app(scope, receive, self._closing(send) if self._context.draining else send)

    def _closing(self, send: Send) -> Send:
        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        return closing


def own_path(scope: Scope) -> str:
    """Return the path of a request as the server itself names it, without the prefix."""
    prefix: str = scope.get("app_root_path", scope.get("root_path", ""))
    path: str = scope["path"]
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def cookie_path(scope: Scope) -> str:
    """Return the path of cookies: other applications under the same name get none of ours."""
    return scope.get("app_root_path", scope.get("root_path", "")) or "/"


def _adopt(scope: Scope, origin: Origin) -> None:
    if origin.client is not None:
        scope["client"] = (origin.client, 0)
    scope.setdefault("state", {})["disputed"] = origin.disputed
    if origin.scheme is not None:
        scope["scheme"] = origin.scheme
    if origin.host is not None:
        kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [(b"host", origin.host.encode("ascii")), *kept]


def _lists(headers: Headers) -> dict[str, list[str]]:
    """Return the values of the forwarding headers; a header that comes twice is one list, as HTTP has it."""
    found: dict[str, list[str]] = {
        name: [] for name in ("forwarded", *(f"x-forwarded-{end}" for end in ("for", "proto", "host", "prefix")))
    }
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        if name in found:
            text = value.decode("latin-1")
            parts = _ELEMENTS.split(text) if name == "forwarded" else text.split(",")
            found[name] += [part.strip() for part in parts if part.strip()]
    return found


def _pairs(element: str) -> dict[str, str]:
    return {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _last(values: Sequence[str]) -> str:
    """Return what the nearest proxy said; empty for nothing."""
    return values[-1] if values else ""


def _candidates(text: str) -> Iterator[str]:
    """Yield ``text`` without the brackets and the port that it may have, likeliest first."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d+)?", text)
    yield bracketed[1] if bracketed else text
    if text.count(":") == 1:
        yield text.partition(":")[0]


def _address(text: str) -> Address | None:
    """Return the address in one entry of a chain; None where it holds none."""
    for one in _candidates(text.strip()):
        try:
            parsed = ipaddress.ip_address(one.partition("%")[0])
        except ValueError:
            continue
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return mapped or parsed
    return None
