"""A note on disk of the pictures that are being decoded, to know which one it was if the process dies of it.

A decoder may crash, and a picture may take all the memory that there is. Without this a library would meet the same
picture again at every start, and never get past it.
"""

import json
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import __version__ as pillow_version

from yunmeng.errors import PictureError, Reason
from yunmeng.types import Closing
from yunmeng.version import __version__

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["InHand"]

DEATHS: Final = 2
"""Deaths of the process after which what was in hand is skipped; one may be chance, or another picture's fault."""

_DIGEST: Final = 64  # bytes of a SHA-256 in hex
_FREE: Final = b" " * _DIGEST
_VERSIONS: Final = f"{__version__} {pillow_version}"  # what another version makes of a picture is tried again


class InHand(Closing):
    """Notes in the file ``deaths``, and in one beside it with a slot for each picture in hand. Threads may share it.

    A slot is written before and after a picture without waiting for the disk: that survives the death of the process,
    but not a power cut. Pictures that may have killed the process before are decoded one at a time, so that after
    another death it is known which of them it was.

    Where the folder is ``shared`` by processes, each has files of its own, and takes over those of one that is dead.
    """

    def __init__(self, deaths: Path, *, shared: bool = False) -> None:
        self._path = self._common = deaths
        self._shared = shared
        self._own: FileLock | None = None
        self._slots_path = deaths.with_suffix(".slots")
        self._lock = threading.Lock()
        self._suspect = threading.Lock()
        self._file: int | None = None
        self._free: list[int] = []
        self._made = 0
        self._deaths: dict[str, int] = {}

    @contextmanager
    def holding(self, digest: str) -> Iterator[None]:
        """Note a picture as being decoded, by the SHA-256 of its file, while the block runs.

        Raises PictureError (KILLS) for one that was being decoded when the process died, twice.
        """
        with self._lock:
            if self._file is None:
                self._begin()
            deaths = self._deaths.get(digest, 0)
        if deaths >= DEATHS:
            raise PictureError(
                Reason.KILLS,
                f"the process died {deaths} times while it decoded this picture; to have it tried again, change the "
                f"file or delete {self._path}",
            )
        if not deaths:
            with self._slot(digest):
                yield
            return
        try:
            with self._suspect, self._slot(digest):
                yield
        finally:
            self._acquit(digest)

    @contextmanager
    def _slot(self, digest: str) -> Iterator[None]:
        with self._lock:
            if not self._free:
                self._free.append(self._made)
                self._made += 1
            slot = self._free.pop()
        self._write(slot, digest.encode())
        try:
            yield
        finally:
            self._write(slot, _FREE)
            with self._lock:
                self._free.append(slot)

    def _write(self, slot: int, text: bytes) -> None:
        with suppress(OSError):  # a full disk costs no picture
            if self._file is not None and self._file >= 0:
                os.pwrite(self._file, text, slot * _DIGEST)

    def _begin(self) -> None:
        """Count the pictures that were being decoded when the last process died."""
        if self._shared:
            self._take_own()
        self._deaths = self._read()
        slots = ""
        with suppress(OSError):
            slots = self._slots_path.read_text("ascii", errors="replace")
        died = [one for at in range(0, len(slots), _DIGEST) if (one := slots[at : at + _DIGEST].strip())]
        for digest in died:
            self._deaths[digest] = self._deaths.get(digest, 0) + 1
        if died:
            self._keep()
        try:
            self._file = os.open(self._slots_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        except OSError:
            self._file = -1  # nothing can be noted in this folder

    def _take_own(self) -> None:
        """Choose files that no living process has: the first of this machine's whose lock is free."""
        from filelock import FileLock, Timeout

        for number in count():
            path = self._common.with_stem(f"{self._common.stem}-{platform.node()}-{number}")
            lock = FileLock(path.with_suffix(".lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            except OSError:
                return  # nothing can be noted in this folder
            self._own, self._path, self._slots_path = lock, path, path.with_suffix(".slots")
            return

    def _acquit(self, digest: str) -> None:
        with self._lock:
            if self._deaths.pop(digest, None) is not None:
                self._keep()

    def _read(self) -> dict[str, int]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self._path.read_text("utf-8"))
            if found.get("versions") == _VERSIONS:
                return {str(digest): int(count) for digest, count in found["deaths"].items()}
        return {}

    def _keep(self) -> None:
        draft = self._path.with_suffix(".draft")
        with suppress(OSError):
            draft.write_text(json.dumps({"versions": _VERSIONS, "deaths": self._deaths}), "utf-8")
            os.replace(draft, self._path)  # noqa: PTH105  pathlib's replace reads as a text operation

    def close(self) -> None:
        """Close the files. The object may be used again."""
        with self._lock:
            if self._file is not None and self._file >= 0:
                os.close(self._file)
            self._file, self._free, self._made = None, [], 0
            if self._own is not None:
                self._own.release()
                self._own = None
