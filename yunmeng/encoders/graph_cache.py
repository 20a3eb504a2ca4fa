"""Graphs on disk: built once, read by every process after that.

Beside each graph lies its SHA-256 in the format of ``sha256sum``. A graph that does not match it, because a disk
filled up or a copy was cut short, is built again. Writers take turns by a lock file; readers never wait, since both
files are put in place whole.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from yunmeng.errors import EncoderError

__all__ = ["cached_graph", "write_whole"]

_PATIENCE: Final = 300.0  # seconds that another process may take to build; a dead one's lock is released at once


def cached_graph(folder: Path, name: str, build: Callable[[], bytes]) -> bytes:
    """Return the graph ``name`` from ``folder``; where it is missing, it is made by ``build`` and kept there.

    ``name`` must contain everything that the graph depends on. Raises EncoderError when the folder cannot be written,
    and passes on what ``build`` raises.
    """
    file = folder / f"{name}.onnx"
    return _read(file) or _build_alone(file, build)


def _read(file: Path) -> bytes | None:
    """The graph, or None where there is none that matches its digest."""
    try:
        expected = _digest_file(file).read_text("ascii").split()
        data = file.read_bytes()
    except (OSError, UnicodeDecodeError):
        return None
    return data if expected and hashlib.sha256(data).hexdigest() == expected[0] else None


def _build_alone(file: Path, build: Callable[[], bytes]) -> bytes:
    from filelock import FileLock, Timeout

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file.with_suffix(".lock"), timeout=_PATIENCE)
        lock.acquire()
    except Timeout as error:
        raise EncoderError(f"another process has been building {file} for {_PATIENCE:.0f} s; is it stuck?") from error
    except (OSError, NotImplementedError) as error:  # the latter from file systems without locks
        raise _unwritable(file, error) from error
    try:
        return _read(file) or _write(file, build())  # another process may have built it while this one waited
    finally:
        lock.release()


def _write(file: Path, data: bytes) -> bytes:
    digest = f"{hashlib.sha256(data).hexdigest()}  {file.name}\n"
    try:
        write_whole(file, data)
        write_whole(_digest_file(file), digest.encode("ascii"))
    except OSError as error:
        raise _unwritable(file, error) from error
    return data


def write_whole(file: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        temporary.chmod(0o644)  # mkstemp's 0600 would shut other users out of a shared cache
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _digest_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _unwritable(file: Path, error: Exception) -> EncoderError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return EncoderError(
        f"cannot keep the encoder's graph in {file.parent} ({reason}): "
        "set YUNMENG_CACHE_DIR to a folder that can be written and has 60 MB free"
    )
