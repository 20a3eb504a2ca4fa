"""Says whether what a process takes is level, from samples of a run under constant load."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt
from statistics import linear_regression, mean
from typing import Final, Literal, NamedTuple

__all__ = ["RULES", "Finding", "Rule", "Sample", "judged", "table"]


class Sample(NamedTuple):
    """Holds what a process takes at a moment.

    ``in_use`` MB that the program has allocated and not freed, ``blocks`` of Python's allocator in use, ``anonymous``
    MB in memory that no file backs, ``mapped`` MB in memory that files back, ``store_files`` open in the library's
    store, ``files`` open elsewhere, ``threads``. ``requests`` were answered until then.
    """

    seconds: float
    requests: int
    in_use: float
    blocks: float
    anonymous: float
    mapped: float
    store_files: float
    files: float
    threads: float


@dataclass(frozen=True, slots=True)
class Rule:
    """One measure, how it is judged, and what the figure of the judgement may be at most.

    ``a request``: what may have been lost at each request of the second half, times ``scale``: the slope of a straight
    line over the requests, and two of its standard errors more, so that a run of too few requests does not pass. The
    line goes through the lowest value of each of ten pieces, when the least was in work. ``floor``: the rise of the
    line through these lowest values, as a share of their mean; for memory that is given back from time to time, so that
    what lies above the lowest depends on the moment. ``growth``: the same through all values. ``peak``: the highest
    value of the second half, as a multiple of the first half's; for the store's files, whose number rises and falls as
    zvec adds and joins parts, so that a line through a piece of that means nothing.
    """

    field: str
    name: str
    judged_by: Literal["a request", "floor", "growth", "peak"]
    most: float
    unit: str = ""
    scale: float = 1.0


RULES: Final = (
    Rule("in_use", "allocated, MB", "a request", 0.9, " kB a request", 1000.0),
    Rule("blocks", "blocks of Python", "a request", 1.8, " a request"),
    Rule("anonymous", "anonymous memory, MB", "floor", 0.05),
    Rule("mapped", "mapped files, MB", "peak", 1.05),
    Rule("store_files", "open files of the store", "peak", 1.05),
    Rule("files", "other open files", "growth", 0.05),
    Rule("threads", "threads", "growth", 0.05),
)
"""Judges these. A leak of 1 kB a request is more than the first two let pass: it is in what the C library has given
out, or in Python's blocks of 512 bytes at most, of which it takes two or more."""

PIECES: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Holds what became of one rule: means of both halves, and the figure that is judged."""

    rule: Rule
    first: float
    second: float
    figure: float

    @property
    def level(self) -> bool:
        return self.figure <= self.rule.most


def judged(samples: Sequence[Sample]) -> list[Finding]:
    """Judge a run by `RULES`; it needs two samples in each half, and requests in between."""
    half = len(samples) // 2
    first, second = samples[:half], samples[half:]
    return [_judged(rule, first, second) for rule in RULES]


def table(findings: Sequence[Finding]) -> str:
    """Return the findings as a Markdown table."""
    lines = ["| | first half | second half | judged: | is | at most |", "| --- | --- | --- | --- | --- | --- |"]
    for one in findings:
        rule = one.rule
        judged_by = "loss" if rule.judged_by == "a request" else rule.judged_by
        shown = _percent if rule.judged_by in ("floor", "growth") else _plain
        lines.append(
            f"| {rule.name} | {one.first:,.0f} | {one.second:,.0f} | {judged_by} | "
            f"{shown(one.figure)}{rule.unit}{'' if one.level else ' **too much**'} | {shown(rule.most)}{rule.unit} |"
        )
    return "\n".join(lines)


_plain: Final[Callable[[float], str]] = "{:.2f}".format
_percent: Final[Callable[[float], str]] = "{:.1%}".format


def _judged(rule: Rule, first: Sequence[Sample], second: Sequence[Sample]) -> Finding:
    before, after = ([float(getattr(sample, rule.field)) for sample in part] for part in (first, second))
    match rule.judged_by:
        case "a request":
            figure = rule.scale * _slope_at_most([(sample.requests, getattr(sample, rule.field)) for sample in second])
        case "floor":
            figure = _rise(_lowest([(sample.seconds, getattr(sample, rule.field)) for sample in second]))
        case "growth":
            figure = _rise([(sample.seconds, getattr(sample, rule.field)) for sample in second])
        case "peak":
            figure = max(after) / max(before)
    return Finding(rule, mean(before), mean(after), figure)


def _lowest(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the lowest of each of ten pieces."""
    count = min(PIECES, len(points) // 2)
    bounds = [number * len(points) // count for number in range(count + 1)]
    return [min(points[start:end], key=lambda point: point[1]) for start, end in pairwise(bounds)]


def _rise(points: Sequence[tuple[float, float]]) -> float:
    """Return how much the line through the points rises from the first to the last, as a share of their mean."""
    x, y = zip(*points, strict=True)
    return float(linear_regression(x, y).slope * (x[-1] - x[0]) / mean(y))


def _slope_at_most(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope through the lowest points, and two standard errors more; infinity where nothing was asked."""
    lowest = _lowest(points)
    x, y = zip(*lowest, strict=True)
    if min(x) == max(x):
        return inf
    line = linear_regression(x, y)
    rest = sum((b - line.slope * a - line.intercept) ** 2 for a, b in lowest)
    spread = sum((a - mean(x)) ** 2 for a in x)
    return line.slope + 2 * sqrt(rest / max(1, len(lowest) - 2) / spread)
