"""Thresholds by their rate of false alarms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunmeng.apps.copyright.thresholds import DEFAULT, MEASURED, rate_at, threshold_for
from yunmeng.errors import QueryError

LEAST = min(rate.at_most for rate in MEASURED)


@given(st.floats(LEAST, 1))
def test_a_threshold_keeps_what_it_promises(wanted: float) -> None:
    chance = threshold_for(wanted)
    rate = rate_at(chance)
    assert rate is not None
    assert rate.measured <= rate.at_most <= wanted
    lower = [other for other in MEASURED if other.chance < chance]
    assert all(other.at_most > wanted for other in lower)


def test_less_than_was_measured_is_not_promised() -> None:
    with pytest.raises(QueryError, match="no threshold promises"):
        threshold_for(LEAST / 2)
    assert rate_at(MEASURED[0].chance / 2) is None


def test_a_higher_threshold_raises_no_more_false_alarms() -> None:
    assert [rate.chance for rate in MEASURED] == sorted(rate.chance for rate in MEASURED)
    rates = [rate.at_most for rate in MEASURED]
    assert rates == sorted(rates, reverse=True)
    assert rate_at(DEFAULT) in MEASURED
