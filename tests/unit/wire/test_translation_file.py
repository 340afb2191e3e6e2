"""Translation files: what they say, and every mistake with its place and what is allowed."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.wire.translation_file import Text, TranslationFileError, load

GOOD = """\
translations: 1
locale: de
version: 1.2.0
texts:
  badge.first.lesson: Erste Lektion
  badge.days: "{count} Tage"
"""


MANUAL = (Path(__file__).parents[3] / "docs" / "translations.md").read_text()


def problems_in(text: str) -> list[str]:
    with pytest.raises(TranslationFileError) as caught:
        load(text, ("de", "en"), "file")
    return [str(problem).removeprefix("file:") for problem in caught.value.problems]


def test_a_file_is_texts_of_one_locale_under_one_version() -> None:
    assert load(GOOD, ("de",)).texts == (
        Text("badge.first.lesson", "de", "1.2.0", "Erste Lektion"),
        Text("badge.days", "de", "1.2.0", "{count} Tage"),
    )


def test_the_manual_s_example_is_one() -> None:
    block = MANUAL.partition("```yaml\n")[2].partition("```")[0]

    assert len(load(block, ("de",)).texts) == 2


def test_joiners_and_spaces_that_do_not_break_are_text() -> None:
    """A name of Persian needs the first, one of French the second."""
    said = "\u0645\u06cc\u200c\u0631\u0648\u0645\u00a0!"

    assert load(GOOD.replace("Erste Lektion", said), ("de",)).texts[0].value == said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("translations: 1", "translations: 2", "1:15: translations: must be 1"),
        ("locale: de", "locale: tlh", "2:9: locale: must be one of de, en; found 'tlh'"),
        ("1.2.0", "1.2.x", "3:10: version: must be a semantic version, like 1.0.0"),
        ("badge.days", "badge.Days", "6:3: texts.badge.Days: a key must be lower-case words"),
        ("Erste Lektion", "5", "5:23: texts.badge.first.lesson: must be a text, in quotes"),
        ("Erste Lektion", '"a\\0b"', "must be without control characters"),
        ("Erste Lektion", '"a\\nb"', "must be without control characters"),
        ("Erste Lektion", '"a\\u009fb"', "must be without control characters"),
        ("Erste Lektion", '""', "must be 1 to 500 characters, some of them visible"),
        ("Erste Lektion", "x" * 501, "must be 1 to 500 characters, some of them visible"),
        ("{count}", "{Count}", "braces only around a placeholder"),
        ("badge.days", "badge.first.lesson", "written twice; the first is in line 5"),
        ("texts:", "text:", "4:1: text: unknown word; allowed: translations, locale"),
        ("version: 1.2.0\n", "", "1:1: version missing"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(
    old: str, new: str, told: str
) -> None:
    problems = problems_in(GOOD.replace(old, new))

    assert len(problems) == 1
    assert told in problems[0]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems_in(GOOD.replace("de", "tlh").replace("1.2.0", "x"))) == 2


@pytest.mark.parametrize("text", ["", "a", "- a", "texts: [", GOOD + "---\n" + GOOD, "x" * 300_000])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    assert problems_in(text)


@given(st.text() | st.text("abtl:{} \n-.\"'#&*!|>%@`0129", max_size=200))
def test_no_text_brings_it_down(text: str) -> None:
    for whole in (text, GOOD + text):
        with contextlib.suppress(TranslationFileError):
            load(whole, ("de",))
