"""Public network addresses: those that are safe to connect to on behalf of somebody else."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, TypeAlias

__all__ = ["Address", "Resolve", "is_public", "resolve"]

Address: TypeAlias = IPv4Address | IPv6Address

Resolve: TypeAlias = Callable[[str, float], list[Address]]
"""A host and the seconds it may take -> all its addresses; raises OSError, TimeoutError among them."""

_UNICAST: Final = IPv6Network("2000::/3")  # the only part of IPv6 from which public addresses are given out (IANA)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052; the last 32 bits are the IPv4 address
_REFUSED: Final = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments; clouds answer there, and older Pythons call it global
    IPv4Network("168.63.129.16/32"),  # Azure's host agent: a public number that only machines inside reach
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, retired (RFC 7526)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637), unknown to older Pythons
)


def is_public(address: Address) -> bool:
    """Return whether ``address`` is one of the open internet.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo) is as public as what it carries.
    """
    if isinstance(address, IPv6Address):
        carried = list(_carried(address))
        if carried:
            return all(map(is_public, carried))
        if address.scope_id is not None or address not in _UNICAST:
            return False
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def resolve(host: str, seconds: float) -> list[Address]:
    """Return all addresses of ``host``, a name or an address in any spelling that the C library takes (``127.1``)."""
    answers: SimpleQueue[list[Address] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answers.put([_address(entry[4]) for entry in found])
        except (OSError, ValueError) as exc:  # ValueError: no name that DNS could hold
            answers.put(exc if isinstance(exc, OSError) else OSError(f"{host} is no host name"))

    # getaddrinfo knows no timeout. Whoever waits goes on without it, and it ends on its own.
    Thread(target=ask, name="yunmeng-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except Empty:
        raise TimeoutError(f"the address of {host} was not found in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _address(sockaddr: tuple[object, ...]) -> Address:
    scope = f"%{sockaddr[3]}" if len(sockaddr) == 4 and sockaddr[3] and "%" not in str(sockaddr[0]) else ""
    return ip_address(f"{sockaddr[0]}{scope}")
