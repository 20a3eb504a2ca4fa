"""How a batch is split over sessions and threads, and the split that was found best on this machine.

On the CPU each picture of a batch is a run of its own, on one thread from start to end. For networks of this size that
beats one run over many threads: no thread waits for another between layers, and the working set of a picture stays in
the cache (docs/decisions.md has the figures). It also makes a picture's vector the same bit for bit whatever else is in
its batch: the runtime sums a mean over a transformer's tokens in another order where the batch has one picture only.
Where another split is faster, ``yunmeng models bench --save`` finds it once and keeps it in the cache folder.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from yunmeng.encoders.graph_cache import write_whole
from yunmeng.errors import EncoderError

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["Place", "SavedSplit", "Split", "candidates", "keep", "saved", "usual"]

_log = logging.getLogger(__name__)

_FORMAT: Final = 1
_CPU_PART: Final = 1  # pictures in one run: more gain nothing, and change the last bits of vectors
_DEVICE_PART: Final = 32  # a device wants width; bounds the memory that one run takes
_PARTS: Final = {"cpu": (_CPU_PART,), "openvino": (4, 8, 16, 32)}
_DEVICE_PARTS: Final = (8, 16, 32, 64)
_MOST: Final = max(_DEVICE_PARTS)
_COUNTED: Final = ("cpu", "openvino")  # devices whose threads are the machine's cores


class Split(NamedTuple):
    """Up to ``batch`` pictures in one run, ``sessions`` runs side by side, each on ``threads`` threads."""

    batch: int
    sessions: int
    threads: int


@dataclass(frozen=True, slots=True)
class Place:
    """What a split was found for: an encoder by its digest, a device, ONNX Runtime's version, threads in all."""

    encoder: str
    device: str
    onnxruntime: str
    threads: int

    def file(self, settings: "Settings") -> Path:
        """Return where the split is kept."""
        return settings.cache_dir / "splits" / f"{self.encoder[:16]}-{self.device}-{self.threads}.json"


@dataclass(frozen=True, slots=True)
class SavedSplit:
    """A split with its rate, in pictures a second, and that of the usual split in the same measurement."""

    split: Split
    rate: float
    usual_rate: float


def usual(device: str, threads: int) -> Split:
    """Return the split that is used where none was measured. ``threads`` are those of the encoder in all."""
    if device == "cpu":
        return Split(_CPU_PART, threads, 1)
    return Split(_DEVICE_PART, 1, threads if device in _COUNTED else 1)


def candidates(device: str, threads: int, most: int) -> Iterator[Split]:
    """Yield the splits that are worth measuring: batches of up to ``most``, all threads used; the usual one first."""
    first = usual(device, threads)
    yield first
    for sessions in range(threads, 0, -1) if device in _COUNTED else (1,):
        if device in _COUNTED and threads % sessions:
            continue
        for batch in _PARTS.get(device, _DEVICE_PARTS):
            each = threads // sessions if device in _COUNTED else 1
            if batch <= most and (split := Split(batch, sessions, each)) != first:
                yield split


def saved(place: Place, settings: "Settings") -> SavedSplit | None:
    """Return the split that was kept for a place; None where none was, or, with one line in the log, where it is of no
    use.
    """
    file = place.file(settings)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = SavedSplit(Split(**content["split"]), float(content["rate"]), float(content["usual_rate"]))
        for_this = content["format"] == _FORMAT and content["place"] == asdict(place)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        _tell(f"{file} is broken and not used")
        return None
    if not for_this or found.split not in candidates(place.device, place.threads, _MOST):
        _tell(f"{file} was measured with another version and is not used")
        return None
    return found


def keep(place: Place, found: SavedSplit, settings: "Settings") -> None:
    """Keep a split for `saved`. Raises EncoderError when the cache folder cannot be written."""
    file = place.file(settings)
    content = {
        "format": _FORMAT,
        "place": asdict(place),
        "split": found.split._asdict(),
        "rate": found.rate,
        "usual_rate": found.usual_rate,
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise EncoderError(
            f"cannot write {file} ({error.strerror}): set YUNMENG_CACHE_DIR to another folder"
        ) from error


@cache
def _tell(what: str) -> None:
    """Say it once in a process, although each session of an encoder looks for the file."""
    _log.warning("%s: measure again with yunmeng models bench --save", what)
