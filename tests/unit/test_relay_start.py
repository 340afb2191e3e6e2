"""Where the relay goes on, for every way in which Kafka and Postgres can differ."""

import pytest

from gamification.adapters.kafka.position import RelayPosition
from gamification.adapters.postgres.relay_state import Known
from gamification.application.relay_start import resume_after
from gamification.domain.errors import Halt

OURS = "ours"


def known(published: int = 0, allocated: int = 100, oldest_kept: int = 0) -> Known:
    return Known(
        incarnation=OURS,
        published=published,
        undecided_up_to=0,
        allocated=allocated,
        oldest_kept=oldest_kept,
    )


@pytest.mark.parametrize(
    ("kafka", "postgres", "after"),
    [
        (None, known(), 0),
        (RelayPosition(0, OURS), known(), 0),
        (RelayPosition(50, OURS), known(published=50), 50),
        # a crash between Kafka's commit and Postgres'
        (RelayPosition(60, OURS), known(published=50), 60),
        (RelayPosition(100, OURS), known(published=100), 100),
        (RelayPosition(60, OURS), known(published=60, oldest_kept=61), 60),
        (RelayPosition(70, "another"), known(), 0),
    ],
)
def test_it_goes_on_after_what_kafka_says(
    kafka: RelayPosition | None, postgres: Known, after: int
) -> None:
    assert resume_after(kafka, postgres, "rest") == after


@pytest.mark.parametrize(
    ("kafka", "postgres", "why"),
    [
        (None, known(published=1), "lost the relay's position"),
        (RelayPosition(50, "another"), known(published=50), "another database"),
        (RelayPosition(101, OURS), known(published=50), "restored from an older state"),
        (RelayPosition(49, OURS), known(published=50), "Kafka has lost the last of them"),
        (RelayPosition(50, OURS), known(published=50, oldest_kept=52), "rows 51 to 51 .* dropped"),
        (None, known(oldest_kept=2), "rows 1 to 1 .* dropped"),
    ],
)
def test_it_halts_where_going_on_would_repeat_or_leave_out_facts(
    kafka: RelayPosition | None, postgres: Known, why: str
) -> None:
    with pytest.raises(Halt, match=why):
        resume_after(kafka, postgres, "rest")
