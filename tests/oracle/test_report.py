"""A report holds only what it was shown, and is good only when it compared something."""

import pytest

from tests.oracle.report import SHOWN_MAX, Invariant, Report, shown


def full() -> Report:
    report = Report()
    for invariant in Invariant:
        report.same(invariant, "things", {1: "a"}, {1: "a"})
    return report


def test_four_comparisons_without_a_difference_are_good() -> None:
    report = full()

    assert report.ok
    assert report.lines()[0] == "all four invariants hold"


@pytest.mark.parametrize("left_out", Invariant)
def test_an_invariant_that_compared_nothing_fails(left_out: Invariant) -> None:
    report = Report()
    for invariant in Invariant:
        things = set() if invariant is left_out else {1}
        report.same(invariant, "things", things, things)

    assert not report.ok
    assert "NOTHING WAS COMPARED" in str(report)


@pytest.mark.parametrize(
    ("want", "got", "said"),
    [
        ({1: "a"}, {}, "things: 1 is missing: a"),
        ({}, {1: "a"}, "things: 1 should not be: a"),
        ({1: "a"}, {1: "b"}, "things: 1 is b instead of a"),
        ({b"m" * 16: 1}, {}, "things: 6d6d6d6d-6d6d-6d6d-6d6d-6d6d6d6d6d6d is missing: 1"),
        ({("x", 2)}, set(), "things: x / 2 is missing: there"),
    ],
)
def test_a_difference_is_told_by_its_key(want: object, got: object, said: str) -> None:
    report = full()
    report.same(Invariant.AWARDS, "things", want, got)  # type: ignore[arg-type]

    assert not report.ok
    assert said in str(report)


def test_many_differences_are_counted_and_a_few_are_listed() -> None:
    report = full()
    report.same(Invariant.AWARDS, "things", set(range(1000)), set())

    assert report.differences(Invariant.AWARDS) == 1000
    assert len([line for line in report.lines() if "is missing" in line]) == SHOWN_MAX
    assert "and 990 more" in str(report)


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 10_000)) < 200
