"""Which of our languages a customer gets."""

from collections.abc import Collection, Iterator
from typing import Final

ENGLISH: Final = "en"
"""What everything is translated from, and what is shown where a translation is missing."""

TAG_LENGTH_MAX: Final = 64
"""Of a language tag; what follows is not looked at."""


def supported(language: str, locales: Collection[str]) -> str | None:
    """The locale to use for a BCP 47 `language` tag, or None when we have none.

    Falls back by dropping subtags from the right: pt-BR -> pt. Case does not matter.
    """
    return next(_fitting(language, locales), None)


def fallbacks(language: str, locales: Collection[str]) -> tuple[str, ...]:
    """Where to look for a text, one after the other: pt-BR -> pt -> en. English is always last."""
    found = dict.fromkeys(_fitting(language, locales))
    return (*(locale for locale in found if locale != ENGLISH), ENGLISH)


def _fitting(language: str, locales: Collection[str]) -> Iterator[str]:
    known = {locale.lower(): locale for locale in locales}
    tag = language[:TAG_LENGTH_MAX].replace("_", "-").lower()
    while tag:
        if tag in known:
            yield known[tag]
        tag = tag.rpartition("-")[0]
