"""The waiting that all other tests trust."""

import itertools

import pytest

from tests.waiting import eventually


def test_it_returns_the_first_answer_that_is_not_false() -> None:
    answers = iter([False, False, 3])
    assert eventually(lambda: next(answers), every_s=0) == 3


def test_asserts_are_tried_again_until_they_hold() -> None:
    tries = itertools.count()

    def third_time_lucky() -> None:
        assert next(tries) == 2

    eventually(third_time_lucky, every_s=0)
    assert next(tries) == 3


def test_the_last_failure_is_told_when_the_time_is_over() -> None:
    def never() -> None:
        raise AssertionError("still 3 rows")

    with pytest.raises(AssertionError, match=r"not within 0.05 s: still 3 rows"):
        eventually(never, within_s=0.05)


def test_other_errors_are_not_waited_for() -> None:
    def broken() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        eventually(broken)
