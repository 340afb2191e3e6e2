"""Bounded labels and the batch histogram."""

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gamification.settings import Settings
from gamification.telemetry import metrics
from gamification.telemetry.distribution import Distribution
from gamification.telemetry.labels import BoundedLabel

BOUNDS = (0.1, 0.5, 1.0)
VALUES = (0.05, 0.1, 0.3, 0.5, 0.7, 2.0)


def test_the_first_values_keep_their_name_and_later_ones_are_other() -> None:
    label = BoundedLabel(2)

    assert [label(name) for name in ("a", "b", "c", "a", "c")] == ["a", "b", "other", "a", "other"]


def test_a_merchant_s_bytes_become_its_uuid() -> None:
    assert BoundedLabel(1)(bytes(15) + b"\x07") == "00000000-0000-0000-0000-000000000007"


def test_with_room_for_none_everything_is_other() -> None:
    assert BoundedLabel(0)("a") == "other"


def test_ten_thousand_merchants_make_no_more_series_than_the_limit() -> None:
    label = BoundedLabel(5)

    assert len({label(n.to_bytes(16, "big")) for n in range(10_000)}) == 6


def test_the_limit_of_merchants_is_a_setting() -> None:
    metrics.registry("award", Settings(metrics_merchants_max=3))

    assert metrics.merchant_label._limit == 3


def samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    text = generate_latest(registry).decode()
    return {
        (sample.name.removeprefix("theirs").removeprefix("ours"), sample.labels.get("le", "")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_a_batch_counts_as_its_values_do_one_by_one() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    one_by_one = Histogram("theirs_seconds", "x", buckets=BOUNDS, registry=theirs)
    distribution = Distribution("ours_seconds", "x", BOUNDS)
    ours.register(distribution)

    for value in VALUES:
        one_by_one.observe(value)
    distribution.observe(VALUES[:2])
    distribution.observe([])
    distribution.observe(reversed(VALUES[2:]))

    assert samples(ours) == pytest.approx(samples(theirs))


def test_a_time_before_its_beginning_counts_as_none() -> None:
    registry = CollectorRegistry()
    distribution = Distribution("ours_seconds", "x", BOUNDS)
    registry.register(distribution)

    distribution.observe([-3.0])

    assert samples(registry)["_seconds_sum", ""] == 0
    assert samples(registry)["_seconds_bucket", "0.1"] == 1


def test_a_partition_that_another_worker_took_is_not_shown_any_more() -> None:
    registry = CollectorRegistry()
    registry.register(metrics.LAG_RECORDS)
    metrics.LAG_RECORDS.labels("points.earned", "3").set(7)
    metrics.LAG_SECONDS.labels("points.earned", "3").set(1)

    metrics.forget_partition("points.earned", 3)

    assert 'partition="3"' not in generate_latest(registry).decode()


def test_a_partition_that_was_never_measured_can_be_forgotten() -> None:
    metrics.forget_partition("points.earned", 4)
