"""Drills of what lies between a server and its callers: half a network, and a full queue."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.drills.ground import Broken, Impossible, Server, check, command, contents, filled, jpeg
from benchmarks.drills.proxy import Proxy
from yunmeng.client import Client
from yunmeng.errors import ServerError, ServerUnreachable

__all__ = ["full_queue", "half_a_network", "lost_answers"]

AT_ONCE = 48
SPACE = "yunmeng-drill"
HERE, THERE = "10.231.77.1", "10.231.77.2"


def full_queue(folder: Path) -> str:
    """A server whose queue is full refuses with 429 or 503; what it took is there, and the rest once it is repeated."""
    _, library, before = filled(folder, 10)
    sent = {f"sent-{number}": jpeg(3000 + number, (900, 700)) for number in range(AT_ONCE)}
    refused: dict[str, int] = {}
    with Server(library, YUNMENG_SERVER_QUEUE="1", YUNMENG_THREADS="1") as server:
        with server.client(retries=0, timeout=120) as client, ThreadPoolExecutor(AT_ONCE) as pool:

            def send(id: str) -> None:
                try:
                    client.add(sent[id], id=id)
                except ServerError as exc:
                    refused[id] = exc.status

            list(pool.map(send, sent))
            taken = sent.keys() - refused.keys()
            check(bool(refused), "some additions refused")
            check(set(refused.values()) <= {429, 503}, f"429 or 503, not {set(refused.values())}")
            there = {record.id for record in client.iterate()}
            check(taken <= there, "all that was taken there")
        with server.client(retries=100, timeout=120) as client, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda id: client.add(sent[id], id=id), refused))
    now = contents(library)
    check(before.items() <= now.items() and now.keys() == before.keys() | sent.keys(), "everything in the end")
    return f"{len(taken)} of {AT_ONCE} taken and there, {len(refused)} refused, all there after they were repeated"


def lost_answers(folder: Path) -> str:
    """Where answers or requests are lost between client and server, the client says so, and repeating is harmless."""
    _, library, before = filled(folder, 10)
    with Server(library) as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        with Proxy((host, int(port))) as proxy:
            line = _repeated(server, f"http://127.0.0.1:{proxy.port}", proxy)
    now = contents(library)
    check(before.items() <= now.items() and len(now) == 12, f"12 pictures, each once, not {len(now)}")
    return f'12 of 12 there, each once; "{line[:70]}"'


def _repeated(server: Server, url: str, proxy: Proxy) -> str:
    line = ""
    for fault in ("lost_answers", "lost_requests"):
        setattr(proxy, fault, True)
        with server.client(url, timeout=3, retries=0) as client:
            line = _unreachable(client, fault)
        setattr(proxy, fault, False)
        proxy.hang_up()
        with server.client(url, timeout=60) as client:
            check(client.add(jpeg(4000 + len(fault)), id=fault).id == fault, "an addition that can be repeated")
    return line


def half_a_network(folder: Path) -> str:
    """Real packets, in a network namespace: requests arrive, answers do not. Afterwards the client repeats, and all is
    there once.
    """
    _, library, before = filled(folder, 10)
    key = command("keys", "create", "drill", "--scope", "write", "--db", library).stdout.split()[-1]
    with _namespace() as inside, Server(library, "--host", THERE, prefix=inside) as server:
        with server.client(key=key, timeout=60) as client:
            client.add(jpeg(5000), id="before")
        subprocess.run([*inside, "ip", "route", "add", "blackhole", f"{HERE}/32"], check=True)
        with server.client(key=key, timeout=4, retries=0) as client:
            line = _unreachable(client, "during")
        subprocess.run([*inside, "ip", "route", "del", "blackhole", f"{HERE}/32"], check=True)
        with server.client(key=key, timeout=60) as client:
            client.add(jpeg(4000 + len("during")), id="during")
            check(client.count() == 12, "12 pictures over a network that is whole again")
    now = contents(library)
    check(before.items() <= now.items() and len(now) == 12, f"12 pictures, each once, not {len(now)}")
    return f'12 of 12 there, each once; "{line[:70]}"'


def _unreachable(client: Client, id: str) -> str:
    """Add a picture over a network that is ill, and return the complaint, which is one line."""
    try:
        client.add(jpeg(4000 + len(id)), id=id)
    except ServerUnreachable as exc:
        check("\n" not in str(exc), "one line")
        return str(exc)
    raise Broken("an addition cannot be confirmed over a network that is ill")


@contextmanager
def _namespace() -> Iterator[list[str]]:
    """A network of its own, joined to this one by a pair of devices; yields what a command in it begins with."""
    inside = ["ip", "netns", "exec", SPACE]
    setup = [
        ["ip", "netns", "add", SPACE],
        ["ip", "link", "add", "ym-here", "type", "veth", "peer", "name", "ym-there", "netns", SPACE],
        ["ip", "address", "add", f"{HERE}/24", "dev", "ym-here"],
        ["ip", "link", "set", "ym-here", "up"],
        [*inside, "ip", "address", "add", f"{THERE}/24", "dev", "ym-there"],
        [*inside, "ip", "link", "set", "ym-there", "up"],
        [*inside, "ip", "link", "set", "lo", "up"],
    ]
    try:
        for order in setup:
            if subprocess.run(order, check=False, capture_output=True).returncode:
                raise Impossible("network namespaces are not allowed here")
        yield inside
    finally:
        subprocess.run(["ip", "netns", "del", SPACE], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", "ym-here"], check=False, capture_output=True)
