"""Lanes of the relay: each turns in a thread, and one that is stuck is replaced."""

import threading

import pytest

from consumers import lane_thread
from consumers.lane_thread import Watch
from consumers.process import Process
from gamification.api.http.vitals import Vitals
from gamification.domain.errors import Halt, Unavailable
from gamification.settings import Settings

COMES_BACK_WITHIN_S = 30.0


class Lane:
    """A relay that stops the process when it has turned three times, or hangs in its first turn."""

    def __init__(self, process: Process, *, hangs: bool = False, fails: bool = False) -> None:
        self.process = process
        self.hangs = hangs
        self.fails = fails
        self.turns = 0
        self.closed = False
        self.over = threading.Event()
        self.stuck_s = 0.0

    def turn(self) -> None:
        if self.fails:
            raise Halt("contradiction")
        if self.hangs:
            self.stuck_s = 1_000.0
            self.over.wait(COMES_BACK_WITHIN_S)
            raise Halt("left behind")
        self.turns += 1
        if self.turns == 3:
            self.process.stop.set()

    def recover(self, error: Unavailable | None = None) -> None:
        self.closed = error is None

    def leave_behind(self) -> None:
        self.over.set()


@pytest.fixture
def process() -> Process:
    return Process("relay", Settings(), threading.Event(), Vitals(heartbeat_limit_s=60))


def test_all_lanes_turn_until_the_process_is_asked_to_stop(process: Process) -> None:
    lanes = [Lane(process), Lane(process)]
    Watch(process, {"one": lambda: lanes[0], "two": lambda: lanes[1]}).until_over()
    assert max(lane.turns for lane in lanes) >= 3
    assert all(lane.closed for lane in lanes)
    assert None in process.vitals.liveness().values()


def test_a_lane_that_stops_itself_ends_the_others_and_says_why(process: Process) -> None:
    other = Lane(process)
    with pytest.raises(Halt, match="contradiction"):
        Watch(
            process, {"one": lambda: Lane(process, fails=True), "two": lambda: other}
        ).until_over()
    assert process.stop.is_set()
    assert other.closed


def test_a_stuck_lane_is_left_behind_and_another_one_turns(process: Process) -> None:
    made = [Lane(process), Lane(process, hangs=True)]
    stuck, next_one = made[1], made[0]
    Watch(process, {"one": made.pop}).until_over()
    assert stuck.over.is_set()
    assert next_one.turns >= 3


def test_a_client_that_gets_stuck_again_and_again_ends_the_process(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_thread, "LEFT_BEHIND_MAX", 1)
    with pytest.raises(Halt, match="never come back: restart"):
        Watch(process, {"one": lambda: Lane(process, hangs=True)}).until_over()
