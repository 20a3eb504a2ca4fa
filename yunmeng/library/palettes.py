"""Palettes of pictures that were indexed before there were any: their files are read again."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from yunmeng.concurrency import bounded_map
from yunmeng.config import cores
from yunmeng.errors import YunmengError
from yunmeng.imaging.decode import DECODED_SIDE, decode
from yunmeng.imaging.palette import palette
from yunmeng.types import Failure

if TYPE_CHECKING:
    from yunmeng.library.generations import Generations
    from yunmeng.library.resources import LibraryResources
    from yunmeng.types import Record

__all__ = ["PaletteReport", "Palettes"]

PAGE: Final = 500
"""Pictures that are written together: a run that is stopped loses no more."""


@dataclass(slots=True)
class PaletteReport:
    """The result of a run: how many palettes were ``computed``, and whose files could not be read."""

    computed: int = 0
    failed: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False


class Palettes:
    """Computes the palettes that are missing in a library, which goes on answering and changing meanwhile."""

    def __init__(self, generations: "Generations", resources: "LibraryResources") -> None:
        self._generations = generations
        self._resources = resources

    def run(self, stop: threading.Event, on_step: Callable[[int, int], None] | None = None) -> PaletteReport:
        """Go through all pictures. ``on_step`` is called with how many were seen, and how many there are."""
        began, report = time.monotonic(), PaletteReport()
        seen, after = 0, None
        with ThreadPoolExecutor(cores(), "palettes") as pool:
            while not stop.is_set() and (page := self._generations.current.store.page(PAGE, after)):
                lacking = [record for record in page if not record.palette]
                read = list(bounded_map(pool, self._with_palette, lacking, 2 * cores()))
                report.failed += [one for one in read if isinstance(one, Failure)]
                report.computed += self._write([one for one in read if not isinstance(one, Failure)])
                seen, after = seen + len(page), (page[-1].sha256, page[-1].id)
                if on_step is not None:
                    on_step(seen, max(seen, self._generations.current.store.count()))
        report.seconds, report.interrupted = time.monotonic() - began, stop.is_set()
        return report

    def _with_palette(self, record: "Record") -> "Record | Failure":
        try:
            data = self._resources.media.read(record)
            picture = decode(data, at_least=DECODED_SIDE, max_pixels=self._resources.settings.max_pixels)
        except YunmengError as exc:
            return Failure(record.id, str(exc))
        return replace(record, palette=palette(picture.image))

    def _write(self, read: "Sequence[Record]") -> int:
        """Write palettes to the records as they are by now, and return how many there were."""
        with self._generations.changing():
            store = self._generations.current.store
            now = store.get([record.id for record in read], vectors=True)
            same = [one for one in read if one.id in now and now[one.id].sha256 == one.sha256]
            store.upsert([replace(now[one.id], palette=one.palette) for one in same])
        return len(same)
