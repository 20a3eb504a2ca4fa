"""Finds the split of batches over sessions and threads that is fastest for an encoder on this machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np

from yunmeng.config import cores
from yunmeng.encoders.catalogue import get_spec, network_of
from yunmeng.encoders.described_encoder import as_input
from yunmeng.encoders.onnx_runtime import OnnxSession, place_of
from yunmeng.encoders.speed import noise
from yunmeng.encoders.splits import SavedSplit, Split, candidates, keep, saved, usual

if TYPE_CHECKING:
    from yunmeng.config import Settings

__all__ = ["Tuned", "split_of", "tune"]

_ROUNDS: Final = 5  # of the best and the usual split, in turns
_WORTH: Final = 1.03  # less than that is noise: rates of the same split differ by as much


@dataclass(frozen=True, slots=True)
class Tuned:
    """The splits that were tried with their rates, in pictures a second, and the one that is kept."""

    tried: list[tuple[Split, float]]
    found: SavedSplit


def split_of(name: str, device: str, settings: "Settings") -> tuple[Split, bool]:
    """Return the split that an encoder uses on a device, and whether it is a saved one."""
    kept = saved(place_of(get_spec(name, settings).sha256, device, settings), settings)
    return (usual(device, settings.threads or cores()), False) if kept is None else (kept.split, True)


def tune(
    name: str, settings: "Settings", seconds: float, on_tried: Callable[[int, int], None] = lambda _done, _total: None
) -> Tuned:
    """Measure the splits of an encoder on the device of ``settings``, about ``seconds`` each, and keep the best.

    Batches are as large as those of an index run. The usual split is kept where no other is faster beyond noise in a
    second measurement, in turns. Raises EncoderError for a fusion, and as `OnnxSession` does.
    """
    description, graph = network_of(name, settings)
    tower = description.picture
    pictures = noise(tower.input_size)
    batch = as_input(np.stack([pictures[at % len(pictures)] for at in range(settings.batch_size)]), tower)

    @contextmanager
    def rated(split: Split) -> Iterator[Callable[[float], float]]:
        session = OnnxSession(graph, settings, tower.input, split=split)
        outputs = [tower.output or session.outputs[0].name]
        session.run(outputs, batch)  # what is made at the first run is not counted
        yield lambda how_long: _rate(lambda: session.run(outputs, batch), how_long) * len(batch)

    device = OnnxSession(graph, settings, tower.input).device
    splits = list(candidates(device, settings.threads or cores(), settings.batch_size))
    tried = []
    for split in splits:
        with rated(split) as rate:
            tried.append((split, rate(seconds)))
        on_tried(len(tried), len(splits) + 1)
    best, first = max(tried, key=lambda one: one[1])[0], splits[0]
    with rated(first) as usual_rate, rated(best) as best_rate:
        turns = [(usual_rate(seconds / 2), best_rate(seconds / 2)) for _ in range(_ROUNDS)]
    before, after = (median(turn[side] for turn in turns) for side in (0, 1))
    gains = [
        faster / usual_one for usual_one, faster in turns
    ]  # of neighbours in time: what else the machine does drops out
    on_tried(len(splits) + 1, len(splits) + 1)
    certain = median(gains) > _WORTH and min(gains) > 1
    found = SavedSplit(best, after, before) if certain else SavedSplit(first, before, before)
    keep(place_of(get_spec(name, settings).sha256, device, settings), found, settings)
    return Tuned(tried, found)


def _rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often a second ``work`` is done."""
    rounds, began = 0, perf_counter()
    while (elapsed := perf_counter() - began) < seconds or not rounds:
        work()
        rounds += 1
    return rounds / elapsed
