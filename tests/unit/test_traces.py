"""Spans: whose they are, what is recorded, and what happens where nobody listens."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from gamification.application.award import Outcome
from gamification.application.record_spans import record_spans
from gamification.domain.activity import Kind as Of
from gamification.settings import Settings
from gamification.telemetry import traces
from gamification.telemetry.recorder import SdkRecorder
from gamification.telemetry.traces import LINKS_MAX, Kind
from gamification.wire.envelope import Decoded
from tests.records import TRACEPARENT, decoder, record, value

TRACE, THEIRS = TRACEPARENT.split("-")[1:3]
UNSAMPLED = TRACEPARENT[:-1] + "0"


class Recorded:
    """What was recorded; `all()` ends the recording."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        traces.start(SdkRecorder(self._exporter, Settings(), "tests"))

    def all(self) -> dict[str, ReadableSpan]:
        """Spans by name. The exporter hands out what came before its shutdown."""
        traces.stop()
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    yield Recorded()
    traces.stop()


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def decoded(
    *, traceparent: str | None = TRACEPARENT, good: bool = True, offset: int = 0
) -> Decoded:
    headers = () if traceparent is None else (("traceparent", traceparent.encode()),)
    body = value(Of.POINTS_EARNED) if good else b"garbage"
    made = record(Of.POINTS_EARNED, body)._replace(headers=headers, offset=offset)
    return decoder().decode(made)


def test_a_span_stands_below_who_passed_its_context_on(recorded: Recorded) -> None:
    span = traces.begin("work", Kind.SERVER, TRACEPARENT, attributes={"size": 3})
    assert span is not None
    below = traces.begin("less", Kind.CLIENT, span.traceparent)
    assert below is not None
    below.end()
    span.end(error="away")
    told = recorded.all()
    work, less = told["work"], told["less"]
    assert work.parent is not None
    assert f"{work.parent.span_id:016x}" == THEIRS
    assert less.parent is not None
    assert less.parent.span_id == context_of(work).span_id
    assert {f"{context_of(s).trace_id:032x}" for s in (work, less)} == {TRACE}
    assert not work.status.is_ok
    assert work.attributes == {"size": 3}


@pytest.mark.usefixtures("recorded")
def test_what_is_not_sampled_or_no_context_at_all_makes_no_span() -> None:
    for parent in (UNSAMPLED, "", "garbage", TRACEPARENT + "-more"):
        assert traces.begin("work", Kind.SERVER, parent) is None


def test_a_span_links_to_sampled_traces_and_to_not_too_many(recorded: Recorded) -> None:
    others = [None, UNSAMPLED, *(f"00-{n:032x}-{n:016x}-01" for n in range(1, 1000))]
    span = traces.begin("batch", Kind.CONSUMER, links=others)
    assert span is not None
    span.end()
    assert len(recorded.all()["batch"].links) == LINKS_MAX


def test_where_nobody_listens_nothing_is_made() -> None:
    assert not traces.is_on()
    assert traces.begin("work", Kind.SERVER, TRACEPARENT) is None
    one = decoded()
    with record_spans([one]) as spans:
        assert spans is None
    assert one.activity is not None
    assert one.activity.traceparent == TRACEPARENT


def test_where_nobody_listens_the_exporter_is_not_even_imported() -> None:
    look = (
        "import sys, consumers.award, consumers.relay, consumers.service;"
        "print('opentelemetry.exporter' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_the_sdk_s_own_switch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    recorded = Recorded()
    assert traces.begin("work", Kind.SERVER) is None
    assert not recorded.all()


def test_an_activity_passes_its_span_s_context_on(recorded: Recorded) -> None:
    one = decoded()
    outcome = Outcome()
    with record_spans([one]) as spans:
        assert spans is not None
        assert one.activity is not None
        outcome.counted.append(one.activity)
        spans.committed([one], outcome)
    told = recorded.all()
    context = context_of(told["process points.earned"])
    assert one.activity.traceparent == f"00-{TRACE}-{context.span_id:016x}-01"
    [link] = told["award batch"].links
    assert f"{link.context.trace_id:032x}" == TRACE


@pytest.mark.parametrize(
    ("case", "outcome", "failed"),
    [
        ("counted", "counted", False),
        ("repeated", "duplicate", False),
        ("bad", "dead_lettered", True),
        ("lost", None, True),
    ],
)
def test_a_span_says_what_became_of_its_record(
    recorded: Recorded, case: str, outcome: str | None, *, failed: bool
) -> None:
    one = decoded(good=case != "bad")
    found = Outcome()
    if one.activity is not None and case == "counted":
        found.counted.append(one.activity)
    if one.letter is not None:
        found.letters.append(one.letter)
    with record_spans([one]) as spans:
        assert spans is not None
        if case != "lost":
            spans.committed([one], found)
    span = recorded.all()["process points.earned"]
    assert (span.attributes or {}).get("gamification.outcome") == outcome
    assert span.status.is_ok is not failed
