"""Pictures of the user's own that a model is fitted to: read, decoded and prepared beside the network."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from yunmeng.concurrency import bounded_map
from yunmeng.errors import EncoderError, YunmengError
from yunmeng.imaging.decode import decode

if TYPE_CHECKING:
    from yunmeng.config import Settings
    from yunmeng.encoders.protocol import Encoder
    from yunmeng.types import Pixels

__all__ = ["OnEncoded", "Source", "check_enough", "prepared", "read_pictures", "spread"]

Source: TypeAlias = tuple[str, Callable[[], bytes]]
"""A picture to fit on: what to call it in a report, and what reads its bytes."""

OnEncoded: TypeAlias = Callable[[int, int], None]
"""Called with the number of pictures that are done and that of all."""

_WORKERS: Final = 4  # decoding beside the encoder


def spread(pictures: Sequence[Source], most: int) -> Sequence[Source]:
    """Return at most ``most`` of them, evenly from all: folders put like beside like."""
    if len(pictures) <= most:
        return pictures
    return [pictures[index * len(pictures) // most] for index in range(most)]


def prepared(
    encoder: "Encoder", pictures: Sequence[Source], settings: "Settings"
) -> "Iterator[list[tuple[str, Pixels | Exception]]]":
    """Yield batches of pictures as the encoder takes them, in order, or what is wrong with one."""

    def prepare(source: Source) -> "tuple[str, Pixels | Exception]":
        name, read = source
        try:
            picture = decode(read(), at_least=encoder.spec.decoded_side, max_pixels=settings.max_pixels)
        except YunmengError as error:
            return name, error
        return name, encoder.prepare(picture.image)

    with ThreadPoolExecutor(_WORKERS, "decode") as pool:
        ready = bounded_map(pool, prepare, pictures, 2 * settings.batch_size)
        while batch := list(islice(ready, settings.batch_size)):
            yield batch


def read_pictures(
    encoder: "Encoder", pictures: Sequence[Source], settings: "Settings", least: int, on_encoded: OnEncoded
) -> "tuple[list[Pixels], list[tuple[str, str]]]":
    """Return pictures as the encoder takes them, and name and reason of those that cannot be used.

    Raises EncoderError where there are fewer than ``least`` of the former.
    """
    used: list[Pixels] = []
    failed: list[tuple[str, str]] = []
    for batch in prepared(encoder, pictures, settings):
        for name, result in batch:
            if isinstance(result, Exception):
                failed.append((name, str(result)))
            else:
                used.append(result)
        on_encoded(len(used) + len(failed), len(pictures))
    check_enough(len(used), least, failed, "by --pictures or --db")
    return used, failed


def check_enough(count: int, least: int, failed: Sequence[tuple[str, str]], hint: str) -> None:
    """Raise EncoderError where ``count`` pictures are fewer than ``least``; ``hint`` says how to give more."""
    if count < least:
        wrong = f", and {len(failed)} cannot be used: {failed[0][0]}: {failed[0][1]}" if failed else ""
        raise EncoderError(
            f"{least} pictures or more are needed, of the kind that will be searched, {hint}; there are {count}{wrong}"
        )
