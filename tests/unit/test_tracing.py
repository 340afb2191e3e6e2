"""Trace context from outside is taken when it is right and left aside when it is not."""

import pytest

from gamification.telemetry.tracing import format_header, parse, trace_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_header_is_passed_on_as_it_came(flags: str) -> None:
    header = f"00-{TRACE}-{SPAN}-{flags}"

    context = parse(header)

    assert context is not None
    assert (context.trace_id, context.span_id) == (TRACE, SPAN)
    assert context.sampled is (flags == "01")
    assert format_header(context) == header


def test_a_record_s_header_is_bytes() -> None:
    assert trace_id(f"00-{TRACE}-{SPAN}-01".encode()) == TRACE


def test_a_later_version_may_say_more() -> None:
    assert trace_id(f"01-{TRACE}-{SPAN}-01-more") == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        b"\xff\xfe",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"01-{TRACE}-{SPAN}-01-" + "x" * 10_000,
    ],
)
def test_anything_else_is_no_trace_context(header: str | bytes | None) -> None:
    assert parse(header) is None
    assert trace_id(header) is None
