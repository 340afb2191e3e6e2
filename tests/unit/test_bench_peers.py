"""What the comparison with other stream processors rests on: the right answer, and the table."""

from pathlib import Path
from typing import Any

import pytest

from bench.measurement import Failed
from bench.peers import outcome, picture
from bench.peers.job import LAST_CUSTOMERS, THRESHOLDS, Badge, Job, Verdict, expected, judge
from bench.points import TOPIC, customer_text, points
from bench.workload import Delivery

UNTIL_MS = 1_795_000_000_000
ANNA, BEN = customer_text(1), customer_text(2)
JOB = Job(events=2_000, customers=50)


def earned(event: str, customer: str, amount: int) -> Delivery:
    datum = points(event, customer, amount, UNTIL_MS)
    return Delivery(TOPIC, customer.encode(), TOPIC, datum, UNTIL_MS, (), None, None)


def drained(variant: str, per_s: int, **other: Any) -> dict[str, Any]:
    return {
        "variant": variant,
        "records_per_s": per_s,
        "finished": True,
        "verdict": {"right": True, "told": "each once"},
        "cpu_s": {"own": 2.0, "kafka": 1.0, "postgres": 0.5},
        "memory_mib": 120.4,
        **other,
    }


def result(name: str, *drains: dict[str, Any], **other: Any) -> dict[str, Any]:
    machine = {
        "when": "2026-11-22 04:00 UTC",
        "cores": 2,
        "cpu": "a CPU",
        "memory_gib": 24,
        "python": "3.11.7",
        "postgres": "15",
        "shared_buffers": "512MB",
        "cores_in_use_before": 0.0,
    }
    figures = {"name": name, "promise": "exactly once", "keeps": "all of it", "records": 200_000}
    return {"machine": machine, "figures": {**figures, "drains": list(drains), **other}}


def test_a_badge_comes_when_the_sum_reaches_its_threshold() -> None:
    came = [earned("1", ANNA, 99), earned("2", BEN, 100), earned("3", ANNA, 400)]

    assert expected(came) == {Badge(BEN, 100), Badge(ANNA, 100)}
    assert expected([*came, earned("4", ANNA, 1)]) == {
        Badge(BEN, 100),
        Badge(ANNA, 100),
        Badge(ANNA, 500),
    }


def test_a_repetition_adds_nothing() -> None:
    assert expected([earned("1", ANNA, 60), earned("1", ANNA, 60)]) == set()
    assert expected([earned("1", ANNA, 60), earned("2", ANNA, 60)]) == {Badge(ANNA, 100)}


def test_the_job_is_the_same_whenever_it_is_made_and_repeats_a_tenth() -> None:
    first, second = (list(JOB.deliveries(UNTIL_MS)) for _ in range(2))

    assert first == second
    repeated = len(first) - len({str(each.datum["event_id"]) for each in first})
    assert repeated == pytest.approx(JOB.events * 0.1, rel=0.2)


def test_all_customers_badges_are_spread_over_the_job() -> None:
    """Whoever stops in the middle must not have announced nearly everything."""
    deliveries = list(JOB.deliveries(UNTIL_MS))

    half = expected(deliveries[: len(deliveries) // 2])

    assert len(half) < len(expected(deliveries)) * 0.6


def test_the_last_records_bring_badges_of_nobody_else() -> None:
    """Else a peer could have announced everything before it has read everything."""
    *before, last = list(JOB.deliveries(UNTIL_MS))
    closing = [*before[1 - LAST_CUSTOMERS :], last]

    mine = expected(closing)

    assert len(mine) == LAST_CUSTOMERS * len(THRESHOLDS)
    assert not mine & expected(before[: 1 - LAST_CUSTOMERS])


def test_the_verdict_tells_what_is_missing_doubled_and_wrong() -> None:
    wanted = {Badge(ANNA, 100), Badge(ANNA, 500), Badge(BEN, 100)}

    verdict = judge([Badge(ANNA, 100)] * 3 + [Badge(BEN, 100), Badge(BEN, 500)], wanted)

    assert verdict == Verdict(expected=3, missing=1, doubled=2, wrong=1)
    assert not verdict.right
    assert str(verdict) == "1 missing, 2 doubled, 1 wrong"


def test_each_once_is_right() -> None:
    wanted = {Badge(ANNA, 100), Badge(BEN, 100)}

    assert judge(sorted(wanted), wanted).right
    assert str(judge(sorted(wanted), wanted)) == "each once"


def test_the_fastest_that_is_right_counts() -> None:
    right, slower = drained("right", 900), drained("slower", 800)
    wrong = drained("wrong", 5_000, verdict={"right": False, "told": "3 missing"})
    cut = drained("cut", 9_000, finished=False)

    assert outcome.best([slower, wrong, right, cut])["variant"] == "right"
    assert outcome.best([cut, wrong])["variant"] == "wrong"


def test_the_table_compares_with_the_engine_and_counts_cpu_for_100_000_records() -> None:
    paced = [
        {"p50_ms": 10.0, "p99_ms": 300.0, "per_s": 1_000, "variant": "one"},
        {"p50_ms": 12.34, "p99_ms": 56.78, "per_s": 1_000, "variant": "two"},
        {"error": "it ended", "variant": "three"},
    ]
    results = {
        "engine": result("this engine", drained("one", 20_000)),
        "quix": result("Quix Streams", drained("one", 5_000), drained("two", 4_000), paced=paced),
    }

    ours, quix, other = outcome.rows(results)

    assert (ours.who, ours.engine_is) == ("this engine, one", "1.00 x")
    assert (quix.who, quix.records_per_s, quix.engine_is) == (
        "Quix Streams, one",
        "5,000",
        "4.00 x",
    )
    assert (quix.own_cpu, quix.broker_cpu, quix.postgres_cpu) == ("1.00", "0.50", "0.25")
    assert (quix.p50, quix.p99) == ("12.3", "56.8")
    assert other.who == "  two"
    assert other.own_cpu == "1.00"


def test_a_loss_and_a_failure_stand_in_the_table() -> None:
    lost = drained("one", 5_000, verdict={"right": False, "told": "7 missing, 2 doubled"})
    failed = {"variant": "one", "finished": False, "records_per_s": 0, "error": "it ended"}
    results = {"quix": result("Quix Streams", lost), "faust": result("Faust", failed)}

    quix, faust = outcome.rows(results)

    assert quix.announced == "7 missing, 2 doubled"
    assert faust.records_per_s == "not finished"
    assert faust.memory == outcome.UNKNOWN


def test_the_loop_s_own_cpu_is_that_of_the_records_it_came_to() -> None:
    looped = {"records_per_s": 400, "looped": 4_000, "usage": {"cpu_s": {"benchmark": 2.0}}}
    results = {
        "engine": result("this engine", drained("one", 20_000)),
        "loop": {"machine": {}, "figures": looped},
    }

    *_, loop = outcome.rows(results)

    assert (loop.records_per_s, loop.engine_is, loop.own_cpu) == ("400", "50.0 x", "50.00")


def test_the_page_gets_the_table_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{outcome.MARKS[0]}\nold\n{outcome.MARKS[1]}\nafter\n")

    outcome.write_page({"engine": result("this engine", drained("one", 20_000))}, page)

    text = page.read_text()
    assert "| this engine, one | 20,000 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing of ours\n")

    with pytest.raises(Failed, match="lacks the lines"):
        outcome.write_page({"engine": result("this engine", drained("one", 1))}, page)


def test_the_picture_has_a_bar_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.pictures.FOLDER", tmp_path)
    results = {
        "engine": result("this engine", drained("one", 20_000)),
        "faust": result("Faust", drained("two", 1_500)),
    }

    (drawn,) = picture.draw(results)

    text = drawn.read_text()
    assert "20,000/s" in text
    assert "Faust" in text
