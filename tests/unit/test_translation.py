"""What a text, a key, a version may be; where a look-up falls back to."""

import pytest

from gamification.domain.ids import BadgeId
from gamification.domain.locale import fallbacks, supported
from gamification.domain.rulebook import BadgeRule
from gamification.domain.translation import (
    flaw_of,
    is_key,
    is_version,
    misfit,
    placeholders,
    readable,
)

LOCALES = ("en", "pt", "de", "pt-BR")


@pytest.mark.parametrize(
    ("language", "chain"),
    [
        ("pt-BR", ("pt-BR", "pt", "en")),
        ("pt_br", ("pt-BR", "pt", "en")),
        ("pt-PT", ("pt", "en")),
        ("de-Latn-AT", ("de", "en")),
        ("en-GB", ("en",)),
        ("tlh", ("en",)),
        ("", ("en",)),
        ("-" * 100_000, ("en",)),
    ],
)
def test_a_look_up_falls_back_subtag_by_subtag_and_ends_in_english(
    language: str, chain: tuple[str, ...]
) -> None:
    assert fallbacks(language, LOCALES) == chain


def test_english_is_asked_last_also_where_it_is_not_configured() -> None:
    assert fallbacks("de-CH", ("de",)) == ("de", "en")


def test_a_customer_s_locale_is_the_first_of_them_that_we_have() -> None:
    assert supported("PT-br", LOCALES) == "pt-BR"
    assert supported("de-AT", LOCALES) == "de"
    assert supported("tlh", LOCALES) is None


@pytest.mark.parametrize("key", ["badge.welcome", "badge.achievement.123", "a.b", "1.2"])
def test_words_joined_by_dots_are_a_key(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize(
    "key",
    [
        *("", "badge", ".badge", "badge.", "badge..x", "Badge.x", "badge.first-lesson"),
        *("badge.first_lesson", "badge.x\n", "badge. x", "badge.é", "badge.٣", "a." + "b" * 200),
    ],
)
def test_anything_else_is_none(key: str) -> None:
    assert not is_key(key)


@pytest.mark.parametrize(
    "version",
    ["0.0.0", "1.0.0", "1.10.0", "1.0.0-rc.1", "1.0.0-0a", "1.0.0--", "1.0.0+01", "1.0.0-a+b.1"],
)
def test_semantic_versions(version: str) -> None:
    assert is_version(version)


@pytest.mark.parametrize(
    "version",
    [
        *("", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b"),
        *("1.0.0+", "1.0.0-ä", "1.0.0\n", "\u0661.0.0", "1.0." + "1" * 64),
    ],
)
def test_versions_that_are_not_semantic(version: str) -> None:
    assert not is_version(version)


@pytest.mark.parametrize(
    "value", ["Grüße", "かな", "{count} Tage, {name}", "أهلًا وسهلًا", "x" * 500]
)
def test_texts_without_a_flaw(value: str) -> None:
    assert flaw_of(value) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "visible"),
        (" \u00a0\u200b", "visible"),
        ("x" * 501, "500"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\x9fb", "control"),
        (" a", "space"),
        ("a {Count}", "braces"),
        ("a }", "braces"),
        ("{}", "braces"),
    ],
)
def test_texts_with_one(value: str, told: str) -> None:
    assert told in (flaw_of(value) or "")


def test_a_translation_has_the_placeholders_of_the_english_text_in_any_order() -> None:
    english = "{count} of {total}"

    assert placeholders(english) == {"count", "total"}
    assert misfit("a.b", "de", "von {total}: {count}", english) is None
    assert misfit("a.b", "de", "{count}", english) == (
        "a.b in de: placeholders must be those of the English text: {count}, {total}"
    )
    assert "none" in (misfit("a.b", "de", "{count}", "all") or "")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("badge.first.lesson", "First lesson"),
        ("badge.achievement.123", "Achievement 123"),
        ("welcome", "Welcome"),
    ],
)
def test_a_key_without_any_text_is_made_readable(key: str, text: str) -> None:
    assert readable(key) == text


def test_a_tier_has_a_key_of_its_own_that_is_one() -> None:
    rule = BadgeRule(id=BadgeId("collector"), name="badge.collector", icon="gem")

    assert rule.name_key(None) == "badge.collector"
    assert rule.name_key("gold") == "badge.collector.gold"
    assert is_key(rule.name_key("extra-gold"))
