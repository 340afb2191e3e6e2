"""The names of all metrics, as Prometheus sees them: dashboards and alerts rest on these."""

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics

from tests.integration.tiny import Start, start
from tests.waiting import eventually

__all__ = ["start"]

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"

EVERY_PROCESS = {
    "gamification_build_info",
    "gamification_errors_total",
    "gamification_batch_items",
    "gamification_batch_seconds",
}
OF_PROCESS = {
    "award": {
        "gamification_badge_total",
        "gamification_badge_latency_seconds",
        "gamification_payouts_total",
        "gamification_events_total",
        "gamification_duplicates_total",
        "gamification_dead_letters_total",
        "gamification_ignored_fields_total",
        "gamification_consumer_lag_records",
        "gamification_consumer_lag_seconds",
    },
    "relay": {
        "gamification_dlq_size_total",
        "gamification_outbox_rows",
        "gamification_outbox_age_seconds",
        "gamification_relay_published_rows_total",
        "gamification_relay_delay_seconds",
    },
    "project": {
        "gamification_projection_delay_seconds",
        "gamification_changes_rows",
        "gamification_changes_age_seconds",
        "gamification_projected_customers_total",
        "gamification_leaderboard_rebuilds_total",
    },
    "service": {
        "gamification_badge_total",
        "gamification_badge_latency_seconds",
        "gamification_requests_total",
        "gamification_response_seconds",
        "gamification_rate_limited_total",
        "gamification_rate_limits_by_instance",
        "gamification_circuit_state",
        "gamification_consul_registered",
    },
}


def names(text: str) -> set[str]:
    """Names of our metrics in a scrape; a counter's with its `_total`."""
    found = re.findall(r"^# TYPE (gamification_\S+) ", text, flags=re.MULTILINE)
    return {name for name in found if not name.endswith("_created")}


@pytest.mark.parametrize("process", OF_PROCESS)
def test_a_process_shows_its_own_metrics_by_their_fixed_names(start: Start, process: str) -> None:
    tiny = start("turn", process)

    answer = tiny.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert names(answer.text) == EVERY_PROCESS | OF_PROCESS[process]
    assert "process_resident_memory_bytes" in answer.text
    assert "gamification_build_info{" in answer.text
    assert 'version="unknown"' in answer.text


def test_openmetrics_is_spoken_to_those_who_ask_for_it(start: Start) -> None:
    tiny = start("turn")

    answer = tiny.get("/metrics", accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = list(openmetrics.text_string_to_metric_families(answer.text))  # type: ignore[no-untyped-call]
    assert "gamification_events" in {family.name for family in families}


def test_what_is_counted_is_seen(start: Start) -> None:
    tiny = start("fail_once")

    eventually(
        lambda: (
            'gamification_errors_total{error_type="Unavailable"} 1.0'
            in tiny.get("/metrics").text.splitlines()
        )
    )


def test_operations_docs_name_every_metric_and_no_other() -> None:
    told = set(re.findall(r"^\| `(gamification_\w+)", OPERATIONS.read_text(), flags=re.MULTILINE))

    assert told == EVERY_PROCESS.union(*OF_PROCESS.values())
