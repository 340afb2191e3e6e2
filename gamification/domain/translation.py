"""What a translation may be, and what stands in for one that is missing.

The trigger on table `translations` holds the same rules for whoever writes past us.
"""

import re
from typing import Final

from gamification.domain.locale import ENGLISH

KEY_LENGTH_MAX: Final = 200
VALUE_LENGTH_MAX: Final = 500
VERSION_LENGTH_MAX: Final = 64

KEY_RULE: Final = (
    f"lower-case words joined by dots, like badge.first.lesson, at most {KEY_LENGTH_MAX} characters"
)
VERSION_RULE: Final = f"a semantic version, like 1.0.0, at most {VERSION_LENGTH_MAX} characters"

_KEY: Final = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)+")
_WORD: Final = r"(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    rf"(-{_WORD}(\.{_WORD})*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
_PLACEHOLDER: Final = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_BRACE: Final = re.compile(r"[{}]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNSEEN: Final = re.compile(
    r"[\s\u00a0\u00ad\u061c\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff]*"
)


def is_key(text: str) -> bool:
    return len(text) <= KEY_LENGTH_MAX and _KEY.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Whether `text` is a version as SemVer 2.0.0 has them."""
    return len(text) <= VERSION_LENGTH_MAX and _VERSION.fullmatch(text) is not None


def placeholders(value: str) -> frozenset[str]:
    """Names in braces, where a value is filled in."""
    return frozenset(_PLACEHOLDER.findall(value))


def flaw_of(value: str) -> str | None:
    """What is allowed instead of `value`; None when nothing is wrong with it by itself."""
    if _CONTROL.search(value):
        return "must be without control characters"
    if len(value) > VALUE_LENGTH_MAX or _UNSEEN.fullmatch(value):
        return f"must be 1 to {VALUE_LENGTH_MAX} characters, some of them visible"
    if value != value.strip():
        return "must not begin or end with a space"
    if _BRACE.search(_PLACEHOLDER.sub("", value)):
        return "must have braces only around a placeholder, like {count}"
    return None


def misfit(key: str, locale: str, value: str, english: str) -> str | None:
    """What is wrong with `value` beside the English text: None when both can be filled in."""
    wanted = placeholders(english)
    if locale == ENGLISH or placeholders(value) == wanted:
        return None
    names = ", ".join(f"{{{name}}}" for name in sorted(wanted)) or "none"
    return f"{key} in {locale}: placeholders must be those of the English text: {names}"


def readable(key: str) -> str:
    """`badge.first.lesson` -> `First lesson`: better than nothing, for a key without any text."""
    words = key.split(".")
    text = " ".join(words[1:] or words)
    return text[:1].upper() + text[1:]
