"""From a rulebook's text to its checked values."""

from gamification.domain.activity import Kind
from gamification.domain.days import is_zone
from gamification.domain.rulebook import Rulebook, StreakRule
from gamification.wire.rulebook.badges import badges_of, check_references
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.document import read_document
from gamification.wire.rulebook.earn import earn_of
from gamification.wire.rulebook.fields import kind_of
from gamification.wire.rulebook.levels import levels_of
from gamification.wire.rulebook.problems import Report, quoted
from gamification.wire.rulebook.structure import check_structure


def load(text: str, source: str = "<rulebook>") -> Rulebook:
    """The rulebook that `text` (YAML 1.2, at most 256 KiB) says.

    `source` is the file's name, for messages. Raises RulebookError with all problems at once,
    and nothing else, whatever the text.
    """
    report = Report(source)
    document = read_document(text, report)
    unreadable = document is None and bool(report.problems)
    if not unreadable:
        check_structure(document, report)
        rulebook = _rulebook_of(Cursor(document, (), report))
        if not report.problems:
            return rulebook
    raise report.error()


def _rulebook_of(root: Cursor) -> Rulebook:
    badges = badges_of(root.at("badges"))
    check_references(root, badges)
    return Rulebook(
        timezone=_timezone_of(root.at("timezone")),
        levels=levels_of(root.at("levels")),
        earn=earn_of(root.at("earn")),
        streak=_streak_of(root.at("streak")),
        badges=badges,
    )


def _streak_of(cursor: Cursor) -> StreakRule | None:
    events: set[Kind] = set()
    for item in cursor.at("events").items():
        kind = kind_of(item)
        if kind is None:
            continue
        if kind in events:
            item.refuse(f"{kind} is listed twice")
        events.add(kind)
    if not events:
        return None
    return StreakRule(events=frozenset(events), freezes=cursor.at("freezes").whole or 0)


def _timezone_of(cursor: Cursor) -> str | None:
    name = cursor.text
    if name is not None and not is_zone(name):
        cursor.refuse(f"{quoted(name)} is no known time zone; write it like Europe/Berlin or UTC")
    return name
