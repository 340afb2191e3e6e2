"""Lanes of the relay: each turns in a thread, and one that fails ends the others."""

import threading

import pytest

from consumers.lane_thread import run_lanes
from consumers.process import Process
from gamification.api.http.vitals import Vitals
from gamification.domain.errors import Halt, Unavailable
from gamification.settings import Settings


class Lane:
    """A relay that stops the process when it has turned three times, or fails at once."""

    def __init__(self, process: Process, *, fails: bool = False) -> None:
        self.process = process
        self.fails = fails
        self.turns = 0
        self.closed = False

    def turn(self) -> None:
        if self.fails:
            raise Halt("contradiction")
        self.turns += 1
        if self.turns == 3:
            self.process.stop.set()

    def recover(self, error: Unavailable | None = None) -> None:
        self.closed = error is None


@pytest.fixture
def process() -> Process:
    return Process("relay", Settings(), threading.Event(), Vitals(heartbeat_limit_s=60))


def test_all_lanes_turn_until_the_process_is_asked_to_stop(process: Process) -> None:
    lanes = [Lane(process), Lane(process)]
    run_lanes(process, {"one": lanes[0], "two": lanes[1]})
    assert max(lane.turns for lane in lanes) >= 3
    assert all(lane.closed for lane in lanes)
    assert None in process.vitals.liveness().values()


def test_a_lane_that_stops_itself_ends_the_others_and_says_why(process: Process) -> None:
    other = Lane(process)
    with pytest.raises(Halt, match="contradiction"):
        run_lanes(process, {"one": Lane(process, fails=True), "two": other})
    assert process.stop.is_set()
    assert other.closed
