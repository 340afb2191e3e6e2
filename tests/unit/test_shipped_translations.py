"""The names of the shipped badges: all there, in their own script, and short enough for a badge."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gamification.domain.compile import held_badges
from gamification.domain.translation import placeholders
from gamification.wire.rulebook import load as load_rulebook
from gamification.wire.translation_file import TranslationFile, load

SCHEMAS = Path(__file__).parents[2] / "schemas"
LOCALES = ("en", "es", "fr", "ar", "de", "pt", "ja")
RULEBOOKS = ("default.yaml", "example.yaml")
LENGTH_MAX = 40
ASKED_PERCENT = 90

SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "ar": ("ARABIC",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK UNIFIED IDEOGRAPH"),
    **dict.fromkeys(("en", "es", "fr", "de", "pt"), ("LATIN",)),
}
RIGHT_TO_LEFT = {"R", "AL"}
"""Bidirectional classes of letters that run from right to left."""

DIGESTS = {
    ("en", "1.0.0"): "76af46beb8187f88",
    ("es", "1.0.0"): "e342560ca35673e6",
    ("fr", "1.0.0"): "309861e58e677e52",
    ("ar", "1.0.0"): "263d5fee8be32fac",
    ("de", "1.0.0"): "fc0e5c8a9f89ebea",
    ("pt", "1.0.0"): "2bf522c7471a7260",
    ("ja", "1.0.0"): "c706e8fa8b220d3e",
}
"""Of the texts of each version. A version that was shipped is never shipped with other texts."""


def file_of(locale: str) -> TranslationFile:
    path = SCHEMAS / "translations" / f"{locale}.yaml"
    return load(path.read_text(encoding="utf-8"), LOCALES, path.name)


FILES = {locale: file_of(locale) for locale in LOCALES}
TEXTS = {locale: {text.key: text.value for text in file.texts} for locale, file in FILES.items()}


def keys_asked() -> set[str]:
    """Of every badge and every tier that the shipped rulebooks can award, and of tiered badges."""
    asked: set[str] = set()
    for name in RULEBOOKS:
        rulebook = load_rulebook((SCHEMAS / "rulebooks" / name).read_text(), name)
        asked |= {rule.name_key(tier) for rule, tier in held_badges(rulebook).values()}
        asked |= {rule.name for rule in rulebook.badges}
    return asked


def every_text() -> Iterator[tuple[str, str, str]]:
    for locale, texts in TEXTS.items():
        for key, value in texts.items():
            yield locale, key, value


def letters(value: str) -> list[str]:
    return [char for char in value if unicodedata.category(char).startswith("L")]


def test_there_is_a_file_for_each_locale_and_it_says_so() -> None:
    files = {path.stem for path in (SCHEMAS / "translations").iterdir()}

    assert files == set(LOCALES)
    assert [file.locale for file in FILES.values()] == list(LOCALES)


def test_every_shipped_badge_is_named_in_every_locale() -> None:
    asked = keys_asked()
    assert len(asked) > 30

    percent = {
        locale: 100 * len(asked & texts.keys()) / len(asked) for locale, texts in TEXTS.items()
    }

    for locale, share in percent.items():
        lacking = ", ".join(sorted(asked - TEXTS[locale].keys())) or "none"
        print(f"{locale}: {share:.1f} % of {len(asked)} keys; missing: {lacking}")  # noqa: T201
    assert min(percent.values()) >= ASKED_PERCENT
    assert set(percent.values()) == {100.0}


@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_is_translated_that_has_no_english_text(locale: str) -> None:
    assert TEXTS[locale].keys() == TEXTS["en"].keys()


def test_placeholders_are_those_of_the_english_text() -> None:
    for locale, key, value in every_text():
        assert placeholders(value) == placeholders(TEXTS["en"][key]), (locale, key)


def test_every_letter_is_of_the_locale_s_script_and_there_is_one() -> None:
    for locale, key, value in every_text():
        assert letters(value), (locale, key)
        for letter in letters(value):
            assert unicodedata.name(letter).startswith(SCRIPTS[locale]), (locale, key, letter)


def test_text_runs_in_one_direction_without_marks_that_nobody_sees() -> None:
    for locale, key, value in every_text():
        directions = {unicodedata.bidirectional(char) for char in letters(value)}
        assert bool(directions & RIGHT_TO_LEFT) == (locale == "ar"), (locale, key)
        assert ("L" in directions) == (locale != "ar"), (locale, key)
        unseen = [char for char in value if unicodedata.category(char) in {"Cf", "Cc", "Co", "Cn"}]
        assert unseen == [], (locale, key)


def test_a_name_fits_on_a_badge() -> None:
    longest = {locale: max(texts.values(), key=len) for locale, texts in TEXTS.items()}
    print({locale: (len(value), value) for locale, value in longest.items()})  # noqa: T201

    assert max(map(len, longest.values())) <= LENGTH_MAX


def test_no_two_badges_have_one_name() -> None:
    for locale, texts in TEXTS.items():
        twice = [value for value, times in Counter(texts.values()).items() if times > 1]
        assert twice == [], locale


def test_letters_with_accents_are_single_characters() -> None:
    """Two ways to write one letter would be two names for whoever compares them."""
    for locale, key, value in every_text():
        assert unicodedata.is_normalized("NFC", value), (locale, key)


@pytest.mark.parametrize("locale", LOCALES)
def test_texts_that_changed_have_a_version_of_their_own(locale: str) -> None:
    """An import refuses another text under a version that is there. Add a line, keep the old."""
    file = FILES[locale]
    said = "\n".join(f"{text.key}={text.value}" for text in sorted(file.texts))

    assert DIGESTS.get((locale, file.version)) == hashlib.sha256(said.encode()).hexdigest()[:16]
