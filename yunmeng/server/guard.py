"""Access control: who may call what, from where, and how often."""

import hashlib
import ipaddress
import time
from collections.abc import Sequence
from typing import Final, NoReturn
from urllib.parse import urlsplit

import anyio
from anyio import to_thread
from cachetools import TTLCache
from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from yunmeng.errors import SettingsError
from yunmeng.schemas.scopes import Caller, allows
from yunmeng.server.embedding import CALLED
from yunmeng.server.errors import Refused
from yunmeng.server.proxies import FORWARDED, own_path
from yunmeng.state.keys import Key, Keys
from yunmeng.types import Scope

__all__ = ["COOKIE", "Guard", "is_foreign", "is_loopback"]

COOKIE: Final = "yunmeng_key"
REMEMBERED: Final = 5.0
"""Seconds that a key is taken for good without asking the database: so long a revoked one may live."""
LOOKUPS: Final = 2
"""Threads that ask the database for keys nobody has shown lately: thousands of wrong ones then hold nobody else up."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Knows the keys. If ``required`` is False everyone is an admin: only this machine can reach the server then.

    Where web sites may embed the shop (``embed_origins``), everyone may search without a key.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        required: bool,
        rate_limit: str,
        allowed_hosts: Sequence[str],
        embed_origins: Sequence[str] = (),
    ) -> None:
        self.required = required
        self._embed_origins = frozenset(embed_origins)
        self._keys = keys
        self._hosts = LOCAL | set(allowed_hosts)
        self._known: TTLCache[str, Key] = TTLCache(10_000, REMEMBERED, time.monotonic)
        self._limit = _parsed(rate_limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._lookups: anyio.CapacityLimiter | None = None

    async def caller(self, request: Request) -> Caller | None:
        """Return the caller of this request; None if a required key is missing. Raises `Refused` for a wrong key."""
        if not self.required:
            return Caller("admin")
        secret = _secret(request)
        if secret is None:
            return Caller("search") if self._embed_origins else None
        key = await self.key(secret)
        request.state.key_id = key.id
        return Caller(key.scope, key.name, key.id)

    async def key(self, secret: str) -> Key:
        """Return the key with this secret. Raises `Refused`."""
        digest = hashlib.sha256(secret.encode(errors="replace")).hexdigest()
        known = self._known.get(digest)
        if known is None:
            if self._lookups is None:  # it belongs to the event loop, which runs by now
                self._lookups = anyio.CapacityLimiter(LOOKUPS)
            known = await to_thread.run_sync(self._keys.find, secret, limiter=self._lookups)
            if known is None:
                raise Refused("wrong-key", "there is no such key: it was mistyped, or revoked", _challenge())
            self._known[digest] = known
        return known

    async def admit(self, request: Request, needed: Scope) -> Caller:
        """Return the caller, if it has the scope ``needed`` and has not called too often. Raises `Refused`."""
        caller = await self.caller(request)
        if caller is None:
            raise Refused("no-key", "this server wants a key: Authorization: Bearer ym_...", _challenge())
        counted = caller.id or (request.client.host if self.required and request.client else None)
        if counted is not None and not self._limiter.hit(self._limit, counted):
            self._refuse_for_now(counted)
        if not allows(caller.scope, needed):
            if caller.id is None:
                raise Refused("no-key", "this needs a key: Authorization: Bearer ym_...", _challenge())
            raise Refused("scope", f"this needs a key with the scope {needed}, yours has {caller.scope}")
        return caller

    def check_origin(self, request: Request) -> None:
        """Refuse requests that another web site makes a browser send, and unknown host names. Raises `Refused`.

        A server without keys also refuses what a proxy passes on: it comes to this machine, but not from it.

        Otherwise a stranger could use a browser on this machine, or one with a session: by a form that is sent here, or
        by a name that is made to point here (DNS rebinding).
        """
        if request.state.disputed:
            said = "Forwarded and X-Forwarded-For name different clients: let the proxy remove one of them"
            raise Refused("bad-request", said)
        if not self.required and (by := FORWARDED.intersection(request.headers)):
            hint = "name the proxy in YUNMENG_SERVER_TRUSTED_PROXIES, or demand keys with --require-keys"
            raise Refused("proxy", f"without keys only this machine is answered, and a proxy sent {min(by)}: {hint}")
        if not self.required and (name := _hostname(request)) not in self._hosts:
            hint = "name it in YUNMENG_SERVER_ALLOWED_HOSTS, or demand keys with --require-keys"
            raise Refused("host", f"this server does not answer as {name[:100]}: {hint}")
        if own_path(request.scope) in CALLED and request.headers.get("Origin") in self._embed_origins:
            return
        if request.method not in SAFE and (
            _is_another(request, request.headers.get("Origin")) or request.headers.get("Sec-Fetch-Site") in ELSEWHERE
        ):
            raise Refused("cross-origin", "another web site may not do this here")

    def _refuse_for_now(self, id: str) -> NoReturn:
        reset = self._limiter.get_window_stats(self._limit, id).reset_time
        wait = {"Retry-After": str(max(1, round(reset - time.time())))}
        raise Refused("rate-limit", f"each key may ask {self._limit} times (YUNMENG_SERVER_RATE_LIMIT)", wait)


def is_foreign(request: Request) -> bool:
    """Return whether another web site may have made a browser send this, even if it only reads.

    Some browsers do not say from which site a request comes: old ones, and all on plain HTTP to another machine. They
    name the page instead, as our pages ask them to (Referrer-Policy); without it, the request counts as foreign.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ELSEWHERE
    if (origin := request.headers.get("Origin")) is not None:
        return _is_another(request, origin)
    referrer = request.headers.get("Referer")
    browser = request.headers.get("User-Agent", "").startswith("Mozilla/")
    return _is_another(request, referrer) if referrer is not None else browser


def is_loopback(host: str) -> bool:
    """Return whether a server that listens on ``host`` can be reached from its own machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hostname(request: Request) -> str:
    """The name that the caller used, in lower case and without a port."""
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:  # an address in brackets that is none
        return ""


def _is_another(request: Request, page: str | None) -> bool:
    """Return whether ``page``, an origin or a whole address, is of another server than the request is for."""
    if page is None:
        return False
    try:
        return urlsplit(page).netloc != request.headers.get("Host")
    except ValueError:
        return True


def _secret(request: Request) -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.cookies.get(COOKIE)


def _challenge() -> dict[str, str]:
    return {"WWW-Authenticate": "Bearer"}


def _parsed(rate_limit: str) -> RateLimitItem:
    try:
        return parse(rate_limit)
    except ValueError as exc:
        raise SettingsError(
            f"YUNMENG_SERVER_RATE_LIMIT is wrong: {rate_limit!r} is no rate such as 6000/minute"
        ) from exc
