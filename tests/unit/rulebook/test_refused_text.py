"""What is no rulebook at all: the exact place, and what is allowed instead."""

import pytest

from tests.unit.rulebook.refusals import problems_in

REFUSED = {
    "another version": (
        """\
rulebook: 2
""",
        [
            "1:11: rulebook: must be 1, the only version of the rule language; found 2",
        ],
    ),
    "no version": (
        """\
earn: []
""",
        [
            "1:1: rulebook missing",
        ],
    ),
    "an unknown part": (
        """\
rulebook: 1
badge: []
""",
        [
            (
                "2:1: badge: unknown word (did you mean badges?); allowed: rulebook, timezone, "
                "levels, earn, streak, badges"
            ),
        ],
    ),
    "a part written twice": (
        """\
rulebook: 1
timezone: UTC
timezone: Europe/Berlin
""",
        [
            "3:1: timezone: written twice; the first is in line 2",
        ],
    ),
    "anchors and references": (
        """\
rulebook: 1
earn: &a []
badges: *a
""",
        [
            "2:7: earn: anchors (&) are not allowed: write it out where it is needed",
            "3:9: badges: references (*) are not allowed: write it out",
        ],
    ),
    "a tag": (
        """\
rulebook: !!int 1
""",
        [
            "1:11: rulebook: tags (!) are not allowed",
        ],
    ),
    "two documents": (
        """\
rulebook: 1
---
rulebook: 1
""",
        [
            "2:1: a rulebook is one document: remove what follows the second `---`",
        ],
    ),
    "a list without end": (
        """\
rulebook: [1
""",
        [
            "2:1: not YAML: expected ',' or ']', but got '<stream end>'",
        ],
    ),
    "a tab": (
        """\
rulebook: 1
	earn: []
""",
        [
            "2:1: not YAML: found character '\\t' that cannot start any token",
        ],
    ),
    "a list": (
        """\
- a
""",
        [
            "1:1: must be a mapping that starts with `rulebook: 1`; found a list of 1",
        ],
    ),
    "a word": (
        """\
hello
""",
        [
            "1:1: must be a mapping that starts with `rulebook: 1`; found 'hello'",
        ],
    ),
    "nothing": (
        """\
""",
        [
            "1:1: empty: a rulebook starts with `rulebook: 1`",
        ],
    ),
    "a list as a key": (
        """\
rulebook: 1
? [a, b]
: 1
""",
        [
            "2:3: a key must be a plain word",
        ],
    ),
    "a number of 29 digits": (
        """\
rulebook: 1
levels: {thresholds: [0, 99999999999999999999999999999]}
""",
        [
            "2:26: levels.thresholds[1]: a number may have at most 18 digits",
        ],
    ),
    "a directive": (
        """\
%YAML 1.1
---
rulebook: 1
""",
        [
            "2:1: lines that start with % are not allowed",
        ],
    ),
    "parts of the wrong shape": (
        """\
rulebook: 1
earn:
badges: {}
streak: daily
levels: [1,2]

""",
        [
            (
                "3:1: earn: must be a list of at most 200 rules, each starting with `- id:`; "
                "found nothing"
            ),
            (
                "3:9: badges: must be a list of at most 1000 badges, each starting with `- "
                "id:`; found an empty mapping"
            ),
            "4:9: streak: must be {events: [...], freezes: ...}; found 'daily'",
            (
                "5:9: levels: must hold `thresholds` (with `beyond` if it goes on) or "
                "`formula`, and `rewards` if there are any; found a list of 2"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text: str, problems: list[str]) -> None:
    assert problems_in(text) == problems
