"""A TCP proxy that can be slow, swallow what one side sends, or hang up: a network that is ill."""

import socket
import threading
import time
from contextlib import suppress
from typing import Final

from yunmeng.types import Closing

__all__ = ["Proxy"]


class Proxy(Closing):
    """Passes connections to ``target`` on. The attributes may be changed at any time.

    ``delay``: seconds that each piece of an answer takes. ``lost_answers``, ``lost_requests``: what is swallowed, while
    connections stay open, as by a network that carries one direction only.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.delay = 0.0
        self.lost_answers = False
        self.lost_requests = False
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port: Final[int] = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self) -> None:
        """Break all connections."""
        with self._lock:
            broken, self._open = self._open, set()
        for connection in broken:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def close(self) -> None:
        """Stop to accept, and break all connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def _accept(self) -> None:
        while True:
            try:
                caller = self._listener.accept()[0]
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                caller.close()
                continue
            with self._lock:
                self._open |= {caller, server}
            threading.Thread(target=self._pump, args=(caller, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, caller, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if answers and self.delay:
                    time.sleep(self.delay)
                if not (self.lost_answers if answers else self.lost_requests):
                    target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
