"""``yunmeng`` with an observer inside: what the process holds is written to a file each second.

From outside, memory that leaks looks like memory that the C library keeps for later. From inside they can be told
apart. ``python -m benchmarks.drills.observed FILE LEAK COMMAND...`` runs ``yunmeng COMMAND...`` and keeps two numbers
in FILE: the bytes that the C library has given out and not got back (mallinfo2 of glibc), and the blocks of Python's
own allocator that are in use, each of 512 bytes at most. ``LEAK`` bytes are lost on purpose at each request, to show
that a soak notices it; 0 for none. The store joins its parts four times as often as elsewhere, so that a run sees that
many times over.
"""

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

MAX_PARTS: Final = 16
"""Parts of the store that are let be, in place of `yunmeng.stores.zvec.store.MAX_PARTS`."""

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class _Mallinfo(ctypes.Structure):
    """glibc's ``struct mallinfo2``; ``uordblks`` are bytes in use, ``hblkhd`` those that were mapped one by one."""

    _fields_ = [
        ("arena", ctypes.c_size_t),
        ("ordblks", ctypes.c_size_t),
        ("smblks", ctypes.c_size_t),
        ("hblks", ctypes.c_size_t),
        ("hblkhd", ctypes.c_size_t),
        ("usmblks", ctypes.c_size_t),
        ("fsmblks", ctypes.c_size_t),
        ("uordblks", ctypes.c_size_t),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    ]


def observe(file: Path) -> None:
    """Write what is in use to ``file``, whole at any moment, each second until the process ends."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _Mallinfo
    fresh = file.with_suffix(".new")
    while True:
        found = ask()
        fresh.write_text(f"{found.uordblks + found.hblkhd} {sys.getallocatedblocks()}")
        fresh.replace(file)
        time.sleep(1)


class _Leaking:
    """An ASGI app that keeps ``size`` bytes of each request for ever."""

    def __init__(self, app: "ASGIApp", size: int) -> None:
        self._app = app
        self._size = size
        self._lost: list[bytearray] = []

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http":
            self._lost.append(bytearray(b"x") * self._size)
        await self._app(scope, receive, send)


def plant(size: int) -> None:
    """Make every server that this process starts lose ``size`` bytes at each request."""
    from yunmeng.server import run

    names = vars(run)
    make: Callable[..., Any] = names["create_app"]

    def create_app(*arguments: Any, **options: Any) -> Any:
        app = make(*arguments, **options)
        app.add_middleware(_Leaking, size=size)
        return app

    names["create_app"] = create_app


def main() -> None:
    file, leak = Path(sys.argv[1]), int(sys.argv[2])
    sys.argv[1:3] = []
    threading.Thread(target=observe, args=(file,), daemon=True, name="observer").start()
    if leak:
        plant(leak)
    from yunmeng.cli.app import main as yunmeng
    from yunmeng.stores.zvec import store

    vars(store)["MAX_PARTS"] = MAX_PARTS

    yunmeng()


if __name__ == "__main__":
    main()
