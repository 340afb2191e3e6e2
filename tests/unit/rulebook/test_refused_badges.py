"""What the loader refuses in badges: the exact place, and what is allowed instead."""

import pytest

from tests.unit.rulebook.refusals import problems_in

REFUSED = {
    "a badge with an id only": (
        """\
rulebook: 1
badges:
  - {id: a}
""",
        [
            "3:5: badges[0]: name and icon missing",
        ],
    ),
    "a name instead of a translation key": (
        """\
rulebook: 1
badges:
  - {id: a, name: Badge A, icon: x}
""",
        [
            (
                "3:19: badges[0].name: must be a translation key: lower-case words joined by "
                "dots, like badge.first.lesson; found 'Badge A'"
            ),
        ],
    ),
    "a badge that does not exist": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {badge: veterann}}
  - {id: veteran, name: badge.b, icon: x}
""",
        [
            (
                "3:51: badges[0].when.badge: no badge of this rulebook has the id 'veterann' "
                "(did you mean veteran?)"
            ),
        ],
    ),
    "tiers that are not named, or unknown": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {badge: c.platinum}, reward: {badges: [c]}}
  - {id: c, name: badge.b, icon: x, when: streak, tiers: {bronze: 1, gold: 2}}
""",
        [
            "3:51: badges[0].when.badge: no badge of this rulebook has the id 'c.platinum'",
            "3:82: badges[0].reward.badges[0]: c has tiers: name one of c.bronze, c.gold",
        ],
    ),
    "badges that wait for each other": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {badge: b}}
  - {id: b, name: badge.b, icon: x, when: {all: [{exp: {at_least: 5}}, {badge: a}]}}
""",
        [
            "3:37: badges[0].when: waits for itself: a -> b -> a",
        ],
    ),
    "a badge that waits for itself": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, when: {badge: a}, reward: {badges: [a]}}
""",
        [
            "3:37: badges[0].when: waits for itself: a -> a",
            "3:73: badges[0].reward.badges[0]: a badge cannot give itself",
        ],
    ),
    "an unknown eligibility": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, eligible: {locale: de}}
""",
        [
            "3:56: badges[0].eligible.locale: must be `known`; found 'de'",
        ],
    ),
    "a reward that takes": (
        """\
rulebook: 1
badges:
  - {id: a, name: badge.a, icon: x, reward: {exp: -5, coin: 5}}
""",
        [
            "3:51: badges[0].reward.exp: must be a whole number from 1 to 1000000000; found -5",
            (
                "3:55: badges[0].reward.coin: unknown word (did you mean coins?); allowed: exp,"
                " coins, badges"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text: str, problems: list[str]) -> None:
    assert problems_in(text) == problems
