"""Thresholds of a check by how often they raise a false alarm, as `benchmarks.false_alarms` has measured it."""

from typing import Final, NamedTuple

from yunmeng.errors import QueryError

__all__ = ["DEFAULT", "FalseAlarmRate", "rate_at", "threshold_for"]

DEFAULT: Final = 0.5
"""The chance from which `Library.match` calls a picture an original."""


class FalseAlarmRate(NamedTuple):
    """The share of pictures that were made from no work and are taken for copies of one from a ``chance`` on.

    ``at_most`` holds with a certainty of 95%; ``measured`` is the share among those that were tried.
    """

    chance: float
    measured: float
    at_most: float


MEASURED: Final = (
    FalseAlarmRate(0.1, 0.0060, 0.0155),
    FalseAlarmRate(0.2, 0.0020, 0.0095),
    FalseAlarmRate(0.6, 0.0, 0.0060),
)
"""By chance, the lowest first: 3, 1 and 0 of 499 photographs of clothing against 1,061 works, docs/benchmarks.md.
It was 1 at 0.5 as well."""


def rate_at(min_chance: float) -> FalseAlarmRate | None:
    """Return the rate of false alarms at a threshold; None below the lowest one that was measured."""
    return next((rate for rate in reversed(MEASURED) if rate.chance <= min_chance), None)


def threshold_for(false_alarms: float) -> float:
    """Return the lowest chance that takes at most this share of unrelated pictures for copies.

    Raises `QueryError` for a share so small that the measurement cannot promise it.
    """
    found = next((rate.chance for rate in MEASURED if rate.at_most <= false_alarms), None)
    if found is None:
        least = min(rate.at_most for rate in MEASURED)
        raise QueryError(
            f"no threshold promises {false_alarms:g}: the least rate of false alarms that was measured is {least:g}"
        )
    return found
