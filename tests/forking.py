"""A process that has imported the program and forks for each command: importing takes most of a short command's time.

Each command has a process of its own all the same, with its arguments, environment, folder, exit code and end.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self, cast

__all__ = ["Forked", "fork_server"]

ROOT = Path(__file__).parents[1]

PATIENCE = 300
"""Seconds that a command may take."""

IMPORTED = ("yunmeng.library.library", "yunmeng.cli", "yunmeng.server", "uvicorn", "redis", "zvec")
"""Imports of nearly all commands, and slow ones. Only OpenBLAS starts threads, and can be forked all the same."""


class Forked:
    """Stands for `subprocess.Popen`, as far as tests use it, with a process that is no child of this one."""

    def __init__(self, report: socket.socket, stdout: IO[str], stderr: IO[str]) -> None:
        """``report`` tells the process id at once, and the exit code in the end."""
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._report = report
        self.pid = int(report.recv(16))

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit code, when there is one."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a command", timeout)
            self.returncode = int(self._report.recv(16))
            self._report.close()
        return self.returncode

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """Wait for the end; return what was written to both streams, as far as nobody has read it."""
        self.wait(timeout)
        return read_out(self.stdout), read_out(self.stderr)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()
        self.stdout.close()
        self.stderr.close()


class ForkServer:
    """Starts commands."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._socket, other = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with other:
            command = [sys.executable, "-m", "tests.forking", str(other.fileno())]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[other.fileno()])

    def start(
        self,
        *command: object,
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
        stderr: IO[str] | None = None,
    ) -> Forked:
        """Start ``python`` with the arguments ``command``, and ``environment``, if given, as its whole environment.

        ``stdout`` of what comes back is a pipe. What is written to stderr is kept until it is read, or goes into the
        file ``stderr``, which stays the caller's.
        """
        reader, writer = os.pipe()
        kept = temporary()
        with os.fdopen(writer, "w") as stdout:
            process = self._start(command, folder, environment, stdout, stderr or kept)
        return Forked(process, os.fdopen(reader, encoding="utf-8"), kept)

    def run(
        self, *command: object, folder: Path = ROOT, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``python`` so, to its end."""
        stdout, stderr = temporary(), temporary()
        process = Forked(self._start(command, folder, environment, stdout, stderr), stdout, stderr)
        return subprocess.CompletedProcess([str(one) for one in command], process.wait(), *process.communicate())

    def _start(
        self,
        command: tuple[object, ...],
        folder: Path,
        environment: Mapping[str, str] | None,
        stdout: IO[str],
        stderr: IO[str],
    ) -> socket.socket:
        mine, report = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with report, tempfile.TemporaryFile() as request:
            whole = dict(os.environ if environment is None else environment)
            request.write(json.dumps([[str(one) for one in command], str(folder), whole]).encode())
            request.seek(0)
            files = [file.fileno() for file in (report, request, stdout, stderr)]
            with self._turn:
                socket.send_fds(self._socket, [b"!"], files)
        return mine

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()


def read_out(stream: IO[str]) -> str:
    """Return what is left in a pipe, or all that is in a file; nothing where it has been read out before."""
    if stream.closed:
        return ""
    with stream:
        if stream.seekable():
            stream.seek(0)
        return stream.read()


def temporary() -> IO[str]:
    """A file without a name, for what a command writes."""
    return cast("IO[str]", tempfile.TemporaryFile("w+", encoding="utf-8"))


@functools.cache
def fork_server() -> ForkServer:
    """Return the one of this process, started when it is first asked for."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def serve(requests: socket.socket) -> None:
    """Fork for each request until there are no more."""
    for module in IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # or each command would copy all pages in its first collection, and look through them at its end
    signal.signal(signal.SIGCHLD, reap)
    while files := socket.recv_fds(requests, 1, 4)[1]:
        if os.fork() == 0:
            requests.close()
            attend(*files)
        for file in files:
            os.close(file)


def reap(*_: object) -> None:
    """Take leave of those that `attend` and have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def attend(report: int, request: int, stdout: int, stderr: int) -> None:
    """Fork the command that ``request`` describes, and report its process id and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(report)
        become(request, stdout, stderr)
    for file in (request, stdout, stderr):
        os.close(file)  # or a pipe would not end with the command
    with suppress(BrokenPipeError, ConnectionResetError):  # where nobody listens any more
        os.write(report, str(child).encode())
        os.write(report, str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
    os._exit(0)


def become(request: int, stdout: int, stderr: int) -> NoReturn:
    """Be the command that ``request`` describes. Returns as a command does: by SystemExit, or what else it raises."""
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    with os.fdopen(request) as stream:
        command, folder, environment = json.load(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    python(*command)
    sys.exit()


def python(first: str, *others: str) -> None:
    """Do what ``python`` does with these arguments: ``-m MODULE ...``, ``-c CODE ...`` or ``PATH ...``."""
    if first == "-m":
        sys.argv = list(others)
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *others[1:]]
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(others[0], "<string>", "exec"), namespace)
    else:
        sys.argv = [first, *others]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
