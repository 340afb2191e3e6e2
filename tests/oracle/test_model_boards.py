"""Period boards show what the definition says, on the merchant's days."""

from datetime import date

from gamification.domain.activity import Kind
from gamification.domain.rulebook import AtLeast, Cap, EarnRule, ProfileMetric, Rulebook
from tests.oracle.builders import MERCHANT, anna, badge, earn, lesson, per, points, update
from tests.oracle.expected import MerchantSettings

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
TOKYO = {MERCHANT: MerchantSettings(timezone="Asia/Tokyo")}


def capped(cap: Cap | None) -> Rulebook:
    return Rulebook(earn=(earn(exp=per("points"), exp_cap=cap),))


def test_a_day_shows_the_raw_sum_up_to_the_day_cap_for_each_rule() -> None:
    assert anna(capped(Cap(day=100)), points(70), points(70)).board == {MONDAY: 100}


def test_week_and_ever_caps_leave_the_board_alone() -> None:
    got = anna(capped(Cap(week=100, ever=90)), points(70, "2026-03-02"), points(70, "2026-03-03"))

    assert got.exp == 90
    assert got.board == {MONDAY: 70, TUESDAY: 70}


def test_the_boards_day_is_the_merchants_whatever_the_customers_is() -> None:
    late = points(5, "2026-03-02 16:00")
    home = update("2026-01-01", timezone="America/Lima")

    assert anna(capped(None), home, late).board == {MONDAY: 5}
    assert anna(capped(None), home, late, merchants=TOKYO).board == {TUESDAY: 5}


def test_the_rulebooks_timezone_does_not_move_the_board() -> None:
    tokyo = Rulebook(timezone="Asia/Tokyo", earn=(earn(exp=5),))

    assert anna(tokyo, points(1, "2026-03-02 16:00")).board == {MONDAY: 5}


def lessons(exp_cap: Cap | None = None) -> EarnRule:
    return earn(Kind.LESSON_COMPLETED, once_per="lesson_id", exp=50, exp_cap=exp_cap)


def test_a_completion_shows_on_the_day_of_the_earliest_one() -> None:
    got = anna(Rulebook(earn=(lessons(),)), lesson("a", "2026-03-03"), lesson("a", "2026-03-02"))

    assert got.board == {MONDAY: 50}


def test_an_ever_cap_on_completions_leaves_the_board_alone() -> None:
    got = anna(Rulebook(earn=(lessons(Cap(ever=60)),)), lesson("a"), lesson("b"))

    assert (got.exp, got.board) == (60, {MONDAY: 100})


def test_rewards_of_badges_are_on_no_board() -> None:
    given = Rulebook(
        earn=(earn(exp=5),), badges=(badge("b", AtLeast(ProfileMetric.EXP, 1), exp=90),)
    )

    got = anna(given, points(1))

    assert (got.exp, got.board) == (95, {MONDAY: 5})
