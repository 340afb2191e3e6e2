"""One short round of the random run, so that the run itself is known to work."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.__main__ import make_arena
from tests.chaos.catalogue import FAULTS
from tests.chaos.plan import plan
from tests.chaos.round import Size, play
from tests.chaos.tally import Tally

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SEED = 2026


def test_a_round_of_a_fixed_seed_ends_well(tmp_path: Path) -> None:
    size = Size(load_s=30.0, per_s=100)
    tally = Tally(SEED, [each.name for each in FAULTS])
    with ExitStack() as stack:
        arena = make_arena(stack, SEED, tmp_path, tally, size)
        result = play(arena, 1, plan(SEED, 1, size.load_s))
    assert result.problems == []
    assert result.events > 2_000
    assert all(result.compared.values())
