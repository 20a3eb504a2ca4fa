"""The ground that drills stand on: commands as users type them, a server, and what a library holds."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from yunmeng.client import Client
from yunmeng.library import Library
from yunmeng.types import Closing

__all__ = [
    "Broken",
    "Impossible",
    "Server",
    "check",
    "command",
    "contents",
    "filled",
    "jpeg",
    "pictures",
    "refused",
]

ENCODER = "efficientnet-lite0"


class Broken(Exception):
    """A drill had another outcome than it must have."""


class Impossible(Exception):
    """This machine does not let a drill be held."""


def check(held: bool, what: str) -> None:
    """Raise `Broken` unless ``held``; ``what`` says what should have been."""
    if not held:
        raise Broken(what)


def command(
    *arguments: str | Path, prefix: Sequence[str] = (), **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run ``yunmeng`` in a process of its own, to its end."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "yunmeng", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def refused(done: "subprocess.CompletedProcess[str]", *words: str) -> str:
    """Check that a command ended with code 2 and one line with ``words``, and return the line."""
    check(done.returncode == 2, f"exit code 2, not {done.returncode}: {done.stderr[-300:]}")
    lines = done.stderr.strip().splitlines()
    check(len(lines) == 1 and not done.stdout, f"one line of complaint, not {len(lines)}: {done.stderr[-300:]}")
    check(all(word in lines[0] for word in words), f"a complaint about {', '.join(words)}, not: {lines[0]}")
    return lines[0]


def paint(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A smooth colourful picture that only ``seed`` decides."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def jpeg(seed: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """The file of a painted picture."""
    stream = io.BytesIO()
    paint(seed, size).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def pictures(folder: Path, count: int, start: int = 0) -> Path:
    """``count`` different JPEGs named by number, from ``start``."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(start, start + count):
        paint(seed).save(folder / f"{seed:04}.jpg", quality=90)
    return folder


def filled(folder: Path, count: int, library: Path | None = None) -> tuple[Path, Path, dict[str, str]]:
    """A library of ``count`` pictures: the pictures' folder, the library's, and what it holds."""
    source, place = pictures(folder / "pictures", count), library or folder / "library"
    done = command("index", source, "--db", place, "--encoder", ENCODER)
    check(done.returncode == 0, f"a library to begin with: {done.stderr}")
    return source, place, contents(place)


def contents(library: Path) -> dict[str, str]:
    """Return what a library holds, read in a process of its own: a store on an ill disk may stay open in this one."""
    order = "import sys; from benchmarks.drills.ground import _print_digests; _print_digests(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", order, library], capture_output=True, text=True, check=False, timeout=300
    )
    check(done.returncode == 0, f"a library that can be read: {done.stderr[-300:]}")
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _print_digests(library: str) -> None:
    """Print the SHA-256 of each picture's file and vector, by id. An id that is there twice is an error."""
    found: dict[str, str] = {}
    with Library.open(library) as opened:
        for record in opened.iterate(vectors=True):
            check(record.id not in found, f"{record.id} once")
            vector = b"" if record.vector is None else np.ascontiguousarray(record.vector).tobytes()
            found[record.id] = hashlib.sha256(record.sha256.encode() + vector).hexdigest()
    print(json.dumps(found))


class Server(Closing):
    """``yunmeng serve`` on a free port, in a process of its own."""

    def __init__(
        self,
        library: Path,
        *options: str,
        prefix: Sequence[str] = (),
        program: Sequence[str] = ("yunmeng",),
        **environment: str,
    ) -> None:
        """``prefix`` is what the command begins with, such as that which enters a namespace; ``program`` is the module
        to run, with arguments that come before ``serve``.
        """
        self.log = library.parent / "server.log"
        self._errors = self.log.open("a")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", *program, "serve", "--db", str(library), "--port", "0", *options],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().split()
        check(len(said) > 1, f"a server that starts: {self.log.read_text()[-300:]}")
        self.url = next(word for word in said if word.startswith("http")).rstrip("/")
        self._output = self.process.stdout
        self._reader = threading.Thread(target=self._output.read, daemon=True)
        self._reader.start()

    def client(self, url: str | None = None, **options: Any) -> Client:
        return Client(url or self.url, **options)

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it as an administrator does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        self._reader.join()
        self._output.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self
