"""A limit lets through what it promises, whenever they come, and says exactly how long to wait."""

from hypothesis import given
from hypothesis import strategies as st

from gamification.domain.gcra import Limit, judge

limits = st.builds(
    Limit, st.just("any"), st.integers(1, 1_000), st.sampled_from([0.5, 1.0, 60.0, 3_600.0])
)
gaps_us = st.lists(st.integers(0, 2_000_000), min_size=1, max_size=200)


@given(limits, gaps_us)
def test_no_period_ever_sees_more_than_twice_the_limit_and_the_long_run_no_more_than_the_rate(
    limit: Limit, gaps: list[int]
) -> None:
    """A full burst may be followed by what the rate gives in the period after it."""
    now, arrival = 10**12, 0
    passed: list[int] = []
    for gap in gaps:
        now += gap
        verdict = judge(limit, arrival, now)
        arrival = verdict.arrival_us
        if verdict.allowed:
            passed.append(now)
    period_us = limit.interval_us * limit.count
    for first in passed:
        within = sum(first <= at < first + period_us for at in passed)
        assert within <= 2 * limit.count
    if passed:
        rate = (passed[-1] - passed[0]) // limit.interval_us
        assert len(passed) <= limit.count + rate + 1


@given(limits, gaps_us)
def test_who_waits_as_told_passes_and_who_comes_a_moment_sooner_does_not(
    limit: Limit, gaps: list[int]
) -> None:
    now, arrival = 10**12, 0
    for gap in gaps:
        now += gap
        verdict = judge(limit, arrival, now)
        if not verdict.allowed:
            assert verdict.wait_us > 0
            assert judge(limit, arrival, now + verdict.wait_us).allowed
            assert not judge(limit, arrival, now + verdict.wait_us - 1).allowed
        arrival = verdict.arrival_us


@given(limits)
def test_a_whole_burst_passes_at_once_and_not_one_more(limit: Limit) -> None:
    now, arrival = 10**12, 0
    for _ in range(limit.count):
        verdict = judge(limit, arrival, now)
        assert verdict.allowed
        arrival = verdict.arrival_us
    assert not judge(limit, arrival, now).allowed
