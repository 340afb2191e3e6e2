"""A rate is kept on the average, whatever each step takes."""

import pytest

from gamification.application.pace import Pace

PER_S = 100.0


class Clock:
    """Time passes only where somebody says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def pause(self, seconds: float) -> bool:
        self.now_s += seconds
        return False


def test_a_step_that_hangs_for_a_while_is_made_up_for() -> None:
    clock = Clock()
    pace = Pace(PER_S, clock.pause, lambda: clock.now_s)
    for number in range(60):
        clock.now_s += 0.7 if number == 20 else 0.03
        assert not pace.took(pace.together)
    assert clock.now_s == pytest.approx(60 * pace.together / PER_S, rel=0.02)


def test_what_was_late_for_long_does_not_all_come_at_once() -> None:
    clock = Clock()
    pace = Pace(PER_S, clock.pause, lambda: clock.now_s)
    clock.now_s += 60
    began_s = clock.now_s
    for _ in range(60):
        pace.took(pace.together)
    assert clock.now_s - began_s == pytest.approx(60 * pace.together / PER_S - 1, abs=0.2)


@pytest.mark.parametrize(("per_s", "together"), [(0.1, 1), (100.0, 10), (10_000.0, 1_000)])
def test_groups_come_ten_times_a_second_or_one_by_one(per_s: float, together: int) -> None:
    assert Pace(per_s, lambda _seconds: False).together == together
