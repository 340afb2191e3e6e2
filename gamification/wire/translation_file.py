"""Translation files: texts of one locale under one version, checked before a database sees them.

translations: 1
locale: de
version: 1.0.0
texts:
  badge.first.lesson: Erste Lektion
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from gamification.domain.translation import KEY_RULE, VERSION_RULE, flaw_of, is_key, is_version
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.document import Shape, read_document
from gamification.wire.rulebook.problems import Problem, Report, listed, quoted
from gamification.wire.rulebook.structure import found

WORDS: Final = ("translations", "locale", "version", "texts")


def _is_clean(_text: str) -> bool:
    """What a text may hold is judged by our own rule: joiners and marks of direction may stay."""
    return True


SHAPE: Final = Shape("translation file", "translations: 1", _is_clean)


class Text(NamedTuple):
    """One text under one version."""

    key: str
    locale: str
    version: str
    value: str


@dataclass(frozen=True, slots=True)
class TranslationFile:
    locale: str
    version: str
    texts: tuple[Text, ...]
    """In the order of the file."""


class TranslationFileError(ValueError):
    """This text is no translation file. `problems` holds all that was found, in its order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load(text: str, locales: Collection[str], source: str = "<translations>") -> TranslationFile:
    """What `text` (YAML 1.2, at most 256 KiB) says. `locales`: those that it may be for.

    `source` is the file's name, for messages. Raises TranslationFileError with all problems at
    once, and nothing else, whatever the text.
    """
    report = Report(source)
    document = read_document(text, report, SHAPE)
    if document is not None or not report.problems:
        read = _file_of(Cursor(document, (), report), locales)
        if not report.problems:
            return read
    raise TranslationFileError(report.error().problems)


def _file_of(root: Cursor, locales: Collection[str]) -> TranslationFile:
    if not isinstance(root.value, dict):
        root.refuse(f"must be a mapping that starts with `{SHAPE.beginning}`")
        return TranslationFile("", "", ())
    for word, given in root.entries():
        if word not in WORDS:
            given.refuse_key(f"unknown word; allowed: {', '.join(WORDS)}")
    lacking = [word for word in WORDS if not root.has(word)]
    if lacking and not root.misspelt:
        root.report.incomplete((), f"{listed(lacking, 'and')} missing")
    language = root.at("translations")
    if root.has("translations") and language.whole != 1:
        language.refuse("must be 1, the only version of this kind of file")
    locale = _locale_of(root.at("locale"), locales) if root.has("locale") else ""
    version = _version_of(root.at("version")) if root.has("version") else ""
    texts = _texts_of(root.at("texts")) if root.has("texts") else {}
    return TranslationFile(
        locale, version, tuple(Text(key, locale, version, said) for key, said in texts.items())
    )


def _locale_of(given: Cursor, locales: Collection[str]) -> str:
    if given.text not in locales:
        given.refuse(f"must be one of {', '.join(sorted(locales))}; found {found(given.value)}")
    return given.text or ""


def _version_of(given: Cursor) -> str:
    if given.text is None or not is_version(given.text):
        given.refuse(f"must be {VERSION_RULE}; found {found(given.value)}")
    return given.text or ""


def _texts_of(given: Cursor) -> dict[str, str]:
    if not isinstance(given.value, dict) or not given.value:
        given.refuse("must be a mapping from key to text, like badge.welcome: Welcome")
    texts: dict[str, str] = {}
    for key, value in given.entries():
        if not is_key(key):
            value.refuse_key(f"a key must be {KEY_RULE}; found {quoted(key)}")
        elif value.text is None:
            value.refuse(
                f"must be a text, in quotes where it looks like a number; "
                f"found {found(value.value)}"
            )
        elif flaw := flaw_of(value.text):
            value.refuse(flaw)
        else:
            texts[key] = value.text
    return texts
