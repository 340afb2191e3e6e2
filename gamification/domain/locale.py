"""Which of our languages a customer gets."""

from collections.abc import Collection


def supported(language: str, locales: Collection[str]) -> str | None:
    """The locale to use for a BCP 47 `language` tag, or None when we have none.

    Falls back by dropping subtags from the right: pt-BR -> pt. Case does not matter.
    """
    known = {locale.lower(): locale for locale in locales}
    tag = language.replace("_", "-").lower()
    while tag:
        if tag in known:
            return known[tag]
        tag = tag.rpartition("-")[0]
    return None
