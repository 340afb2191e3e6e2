"""The parts of the benchmark that could give a wrong figure without anybody noticing."""

import time

import pytest

from bench import catalogue, report
from bench.quantiles import quantile, summary
from bench.run import Curve, Look
from bench.sender import Load
from bench.stages import Stopwatch


def load(**other: int) -> Load:
    fixed = {"per_s": 100, "events": 1_000, "first_fresh": 5_000, **other}
    return Load(kafka="", registry="", begin=50.0, **fixed)


def test_a_quantile_is_a_value_that_occurred() -> None:
    ordered = [float(number) for number in range(1, 101)]

    assert quantile(ordered, 0.5) == 51
    assert quantile(ordered, 0.99) == 100
    assert quantile(ordered, 1.0) == 100


def test_one_slow_sample_in_fifty_is_the_p99() -> None:
    told = summary([0.010] * 49 + [2.0])

    assert told["p50_ms"] == 10
    assert told["p99_ms"] == told["max_ms"] == 2_000


def test_everybody_who_is_measured_is_new_and_due_by_the_schedule() -> None:
    plan = load(fresh_every=5, pool=10)

    measured = plan.fresh(from_s=4)

    sent = [(plan.customer(number), plan.due(number)) for number in range(plan.events)]
    assert measured == {who: due for who, due in sent if due >= 54.0 and who in measured}
    assert len(measured) == (1_000 - 400) // 5
    assert all(sum(who == each for each, _ in sent) == 1 for who in measured)


def test_a_drain_is_timed_from_the_assignment_and_steady_in_its_middle() -> None:
    looks = [Look(10.0 + second, 100 * second) for second in range(11)]
    curve = Curve(assigned_at=8.0, looks=looks)

    assert curve.whole_per_s == pytest.approx(1_000 / 12)
    assert curve.steady_per_s == pytest.approx(100)


def test_a_measurement_brings_what_it_needs_in_order() -> None:
    names = [each.name for each in catalogue.chosen(["memory"])]

    assert names == ["drain", "latency", "memory"]


def test_a_stage_inside_another_is_not_counted_twice() -> None:
    watch = Stopwatch("outside")
    begun = time.perf_counter()
    with watch.stage("outer"):
        _spend(0.02)
        with watch.stage("inner"):
            _spend(0.03)
        _spend(0.01)
    took_s = time.perf_counter() - begun

    spent = watch.spent
    assert spent["inner"].wall_s >= 0.03
    assert spent["outer"].wall_s >= 0.03
    assert spent["inner"].wall_s + spent["outer"].wall_s <= took_s


def test_what_follows_a_stage_can_have_a_name_of_its_own() -> None:
    watch = Stopwatch("outside")
    watch.enter("outer")
    watch.enter("read")
    watch.leave(then="decide")
    _spend(0.01)
    watch.leave()

    assert watch.spent["decide"].wall_s >= 0.01
    assert watch.spent["read"].wall_s < watch.spent["decide"].wall_s


def test_the_page_has_the_places_that_figures_are_put_into() -> None:
    text = report.PAGE.read_text()

    for mark in (*report.FIGURES, *report.STAGES):
        assert text.count(mark) == 1


def _spend(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
