"""A process that has imported the program and forks for each command: importing takes most of a short command's time.

Each command has a process of its own all the same, with its arguments, environment, folder, exit code and end.
"""

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

__all__ = ["fork_server"]

PATIENCE = 300
"""Seconds that a command may take."""


class ForkServer:
    """Runs commands, one at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._socket, other = socket.socketpair()
        self._socket.settimeout(PATIENCE)
        with other:
            command = [sys.executable, "-m", "tests.forking", str(other.fileno())]
            self._process = subprocess.Popen(command, cwd=Path(__file__).parents[1], pass_fds=[other.fileno()])

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``yunmeng`` with ``arguments`` in ``folder``, with ``environment`` as its whole environment."""
        with (
            tempfile.TemporaryFile() as request,
            tempfile.TemporaryFile() as stdout,
            tempfile.TemporaryFile() as stderr,
        ):
            request.write(json.dumps([arguments, str(folder), dict(environment)]).encode())
            request.seek(0)
            with self._turn:
                socket.send_fds(self._socket, [b"!"], [request.fileno(), stdout.fileno(), stderr.fileno()])
                code = int(self._socket.recv(16))
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(
                arguments, code, stdout.read().decode("utf-8"), stderr.read().decode("utf-8")
            )

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()


@functools.cache
def fork_server() -> ForkServer:
    """Return the one of this process, started when it is first asked for."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def serve(requests: socket.socket) -> None:
    """Fork for each request until there are no more, and answer with the exit code."""
    import yunmeng.library.library  # noqa: F401 - what follows is imported by nearly all commands

    while files := socket.recv_fds(requests, 1, 3)[1]:
        child = os.fork()
        if child == 0:
            requests.close()
            run_command(*files)
        for file in files:
            os.close(file)
        requests.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def run_command(request: int, stdout: int, stderr: int) -> NoReturn:
    """Become the command that ``request`` describes. Returns as a command does: by SystemExit."""
    from yunmeng.cli import main

    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    with os.fdopen(request) as stream:
        arguments, folder, environment = json.load(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["yunmeng", *arguments]
    main()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
