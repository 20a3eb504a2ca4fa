"""A real PostgreSQL, for tests: on a socket of its own in a temporary folder; it can be stopped and started again."""

import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

__all__ = ["PostgresServer", "postgres_missing", "running_postgres"]

USER = "yunmeng"


def _folder() -> Path | None:
    """Where the programs of PostgreSQL are; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return places[-1].parent if places else None


def postgres_missing() -> bool:
    return _folder() is None


class PostgresServer:
    """``postgres`` behind a Unix socket. Each call of `database` gives the URL of an empty schema."""

    def __init__(self, folder: Path) -> None:
        programs = _folder()
        assert programs is not None
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: Sequence[str] = ()
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._as_user = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        self._run("initdb", "-D", self._data, "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")

    @property
    def url(self) -> str:
        """The URL of the database, which names no schema."""
        return f"postgresql://{USER}@/postgres?host={self._folder}"

    def database(self) -> str:
        """Return the URL of a schema that is not there yet."""
        return f"{self.url}&schema=test_{uuid.uuid4().hex}"

    def start(self) -> None:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
            "max_connections": "200",
            "shared_buffers": "16MB",
            "timezone": "Asia/Shanghai",  # none of ours: times must not depend on it
        }
        told = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        command = [*self._as_user, str(self._programs / "postgres"), "-D", str(self._data), *told]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        log.close()
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: at once by SIGINT, which rolls back what is under way; without a word by SIGQUIT."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def kill(self) -> None:
        """End it by ``kill -9``; its children, beside which it cannot start again, end when they notice."""
        if self._process is not None:
            children = psutil.Process(self._process.pid).children()
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None
            _, alive = psutil.wait_procs(children, timeout=60)
            assert not alive, alive

    def kill_backend(self, moments: random.Random) -> None:
        """End one of the processes that serve clients by ``kill -9``, and wait until it answers again: it ends all
        others, and recovers.
        """
        import psycopg

        with psycopg.connect(host=str(self._folder), user=USER, dbname="postgres") as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
            serving = [pid for (pid,) in connection.execute(query)]
        os.kill(moments.choice(sorted(serving)), signal.SIGKILL)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.02)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [*self._as_user, str(self._programs / program), *map(str, arguments)]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(host=str(self._folder), user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that answers; the test is skipped where there is none, unless CI is set."""
    if postgres_missing():
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing", pytrace=False)
        pytest.skip("PostgreSQL is missing")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:  # a socket's path must be short
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
