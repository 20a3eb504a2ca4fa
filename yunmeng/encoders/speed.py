"""Measures how fast an encoder is on this machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final, cast

import numpy as np

from yunmeng.encoders.protocol import Encoder, TextEncoder
from yunmeng.types import Pixels

__all__ = ["BATCH", "Speed", "in_turns", "measure", "noise"]

BATCH: Final = 32
"""Pictures in the larger batch that is measured."""

_TURNS: Final = 3
_TEXTS: Final = ("a red dress", "红色连衣裙", "a photo of two cats on a sofa", "一只在沙发上的猫")


@dataclass(frozen=True, slots=True)
class Speed:
    """Pictures a second, one by one and in batches of `BATCH`, with preparation and without decoding; milliseconds a
    text, if the encoder reads text.
    """

    alone: float
    in_batches: float
    text_ms: float | None


def noise(side: int) -> list[Pixels]:
    """Return pictures of a network's own size to measure with: uint8 (side, side, 3), the same each time."""
    return list(np.random.default_rng(0).integers(0, 256, (4, side, side, 3), dtype=np.uint8))


def measure(encoder: Encoder, pictures: Sequence[Pixels], seconds: float) -> Speed:
    """Time an encoder for about ``seconds`` on each figure; ``pictures`` are one or more, gone through in turn."""
    batch = [pictures[index % len(pictures)] for index in range(BATCH)]
    turn = iter(range(1 << 62))
    alone = _rate(lambda: encoder.encode([batch[next(turn) % BATCH]]), seconds)
    many = _rate(lambda: encoder.encode(batch), seconds) * BATCH
    text_ms = None
    if encoder.spec.reads_text:
        reader = cast(TextEncoder, encoder)
        text_ms = 1000 / _rate(lambda: reader.encode_texts([_TEXTS[next(turn) % len(_TEXTS)]]), seconds)
    return Speed(alone, many, text_ms)


def in_turns(encoders: Sequence[Encoder], pictures: Sequence[Sequence[Pixels]], seconds: float) -> list[float]:
    """Return the pictures a second of several encoders in batches, about ``seconds`` each.

    They take turns, and the median turn counts, so that what else the machine does slows all of them alike.
    """
    batches = [[some[index % len(some)] for index in range(BATCH)] for some in pictures]
    turns = [
        [
            _rate(partial(encoder.encode, batch), seconds / _TURNS) * BATCH
            for encoder, batch in zip(encoders, batches, strict=True)
        ]
        for _ in range(_TURNS)
    ]
    return [median(rates) for rates in zip(*turns, strict=True)]


def _rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often a second ``work`` is done, without the first time, which loads what is loaded when needed."""
    work()
    rounds, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds or not rounds:
        work()
        rounds += 1
    return rounds / elapsed
