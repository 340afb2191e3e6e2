"""The engine decides event by event what the model states at once, whatever the order."""

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gamification.domain import decide as decide_module
from gamification.domain import earn, settle, tally
from gamification.domain.activity import Activity
from gamification.domain.compile import CompiledRulebook, compile_rulebook
from gamification.domain.days import monday, to_date
from gamification.domain.decide import decide
from gamification.domain.effects import BadgeAwarded, Effects, LevelReached, StreakDay
from gamification.domain.merchant import Merchant
from gamification.domain.player import Player, PrizeKey, Span, day_of, span_of
from gamification.domain.rulebook import Rulebook
from gamification.domain.streak import current, longest_through
from tests.oracle.builders import ANNA, MERCHANT
from tests.oracle.expected import Amounts, ExpectedProfile, MerchantSettings
from tests.oracle.model import expected
from tests.oracle.rulebooks import ZONES, lives, rulebooks
from tests.oracle.settings import SUPPORTED_LOCALES

Names = dict[str, int]


def compiled(rulebook: Rulebook) -> tuple[CompiledRulebook, Names]:
    codes: Names = {}

    def intern(names: Iterable[str]) -> Mapping[str, int]:
        return {name: codes.setdefault(name, len(codes) + 1) for name in names}

    return compile_rulebook(rulebook, "mark:1", intern), codes


def lived(
    activities: Iterable[Activity], merchant: Merchant, rules: CompiledRulebook
) -> tuple[Player, Effects]:
    """The engine's player after these activities, one by one, and everything that came about."""
    player = Player(merchant_id=MERCHANT, customer_id=ANNA)
    total = Effects()
    for activity in activities:
        effects = decide(activity, player, merchant, rules, SUPPORTED_LOCALES)
        total.entries += effects.entries
        total.announcements += effects.announcements
        total.refused += effects.refused
    return player, total


def assert_agrees(player: Player, effects: Effects, codes: Names, want: ExpectedProfile) -> None:
    names = {code: name for name, code in codes.items()}
    assert (player.exp, player.coins, player.coins_earned) == (
        want.exp,
        want.coins,
        want.coins_earned,
    )
    assert (player.level, player.level_high) == (want.level, want.level)
    assert {names[code].removeprefix("badge:") for code in player.badges} == want.badges
    assert (player.current_streak, player.longest_streak) == (
        want.current_streak,
        want.longest_streak,
    )
    assert {to_date(day) for day in days_of(player)} == want.active_days
    assert (player.locale, player.timezone) == (want.locale, want.timezone)
    assert (player.notify, player.locale_ever) == (want.notify, want.locale_ever)
    assert {
        to_date(day_of(key)): bucket.board_exp
        for key, bucket in player.buckets.items()
        if span_of(key) is Span.DAY and bucket.board_exp
    } == want.board
    paid: dict[str, Amounts] = {}
    for entry in effects.entries:
        kind, _, rule = names[entry.rule_code].partition(":")
        if kind == "rule":
            before = paid.get(rule, Amounts())
            paid[rule] = Amounts(before.exp + entry.exp, before.coins + entry.coins)
    assert paid == want.rules
    remembered: dict[str, set[str]] = {}
    for member in player.members:
        kind, _, rule = names[member.counter].partition(":")
        if kind == "once":
            remembered.setdefault(rule, set()).add(member.value)
    assert remembered == want.completed
    assert {(names[key.rule][5:], *key[1:]) for key in player.prizes} == want.prizes
    assert Counter(names[each.rule_code][5:] for each in effects.refused) == want.refused
    assert_announced_once(effects, want)


def assert_announced_once(effects: Effects, want: ExpectedProfile) -> None:
    told = effects.announcements
    badges = [each.badge for each in told if isinstance(each, BadgeAwarded)]
    levels = [each.level for each in told if isinstance(each, LevelReached)]
    days = [to_date(each.day) for each in told if isinstance(each, StreakDay)]
    assert Counter(badges) == Counter(want.badges)
    assert levels == list(want.levels_announced)
    assert Counter(days) == Counter(want.active_days)


def days_of(player: Player) -> set[int]:
    return {day for day in range(19_000, 22_000) if day in player.active}


def check_shuffled(
    rulebook: Rulebook, life: list[Activity], zone: str | None, shuffler: Random
) -> None:
    """A known timezone comes first: what happened before it would have other local days."""
    rules, codes = compiled(rulebook)
    home = [each for each in life if each.event_id == bytes(16)]
    rest = [each for each in life if each.event_id != bytes(16)]
    shuffler.shuffle(rest)

    player, effects = lived(home + rest, Merchant(timezone=zone), rules)

    if life:
        merchants = {MERCHANT: MerchantSettings(timezone=zone)}
        assert_agrees(player, effects, codes, expected(life, rulebook, merchants)[MERCHANT, ANNA])


shuffled_lives = given(
    rulebooks(), lives(), st.sampled_from(ZONES), st.randoms(use_true_random=False)
)


@settings(max_examples=300, deadline=None)
@shuffled_lives
def test_any_order_ends_where_the_model_says(
    rulebook: Rulebook, life: list[Activity], zone: str | None, shuffler: Random
) -> None:
    check_shuffled(rulebook, life, zone, shuffler)


def pays_up_to_the_cap_and_forgets_the_rest(
    counters: dict[int, int], code: int, amount: int, cap: int
) -> int:
    """A naive cap that does not keep the raw sum: a day cut by it gives a week too little."""
    before = counters.get(code, 0)
    paid = amount if before + amount <= cap else 0
    counters[code] = before + paid
    return paid


FAULTS: dict[str, tuple[object, str, object]] = {
    "caps forget raw sums": (earn, "_raise", pays_up_to_the_cap_and_forgets_the_rest),
    "weeks start on Sunday": (earn, "monday", lambda day: monday(day + 1) - 1),
    "windows never end": (tally, "window_start", lambda _window, _day: 0),
    "runs do not mend in the middle": (
        decide_module,
        "longest_through",
        lambda active, _day, freezes: current(active, freezes),
    ),
    "one more freeze": (
        decide_module,
        "longest_through",
        lambda active, day, freezes: longest_through(active, day, freezes + 1),
    ),
    "eligibility is ignored": (settle, "may_hold", lambda _badge, _player: True),
    "every completion pays": (earn, "_first_time", lambda *_: True),
    "a prize is paid twice": (
        earn,
        "prize_key",
        lambda rule, one: PrizeKey(rule, one.event_id.hex(), ""),
    ),
}


RARE = {"weeks start on Sunday", "windows never end"}
"""Seen in one of some hundred worlds, so the search takes longer."""


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[pytest.mark.slow] * (name in RARE)) for name in FAULTS]
)
def test_a_broken_engine_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise agreement would mean nothing."""
    where, name, broken = FAULTS[fault]
    monkeypatch.setattr(where, name, broken)
    searched = settings(
        max_examples=1_000, deadline=None, database=None, phases=[Phase.generate], derandomize=True
    )(shuffled_lives(check_shuffled))

    with pytest.raises((AssertionError, ExceptionGroup)):
        searched()
