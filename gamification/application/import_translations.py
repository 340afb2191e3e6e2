"""Put texts into the database, and tell everybody which of those that people see have changed.

A version is never rewritten: what is there stays as it is, another text needs a greater version.
Importing the same file again changes nothing, so an import that broke off is simply run again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from gamification.adapters.postgres import outbox, translations
from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.adapters.postgres.translations import Place, Served, Version
from gamification.adapters.redis import keys
from gamification.domain.errors import Halt, InvalidArgument, Suspect
from gamification.domain.ids import DEFAULT_MERCHANT, uuid_text
from gamification.domain.locale import ENGLISH
from gamification.domain.translation import misfit
from gamification.wire import encode
from gamification.wire.envelope import OutboxRow
from gamification.wire.translation_file import Text

TEXTS_EACH: Final = 500
"""Texts in one transaction, a few more where one key has many: some ten milliseconds."""
PROBLEMS_MAX: Final = 100


@dataclass(slots=True)
class Imported:
    """What an import did, or would do."""

    new: list[Text] = field(default_factory=list)
    there: int = 0
    """Texts that were there already."""
    kept: list[Text] = field(default_factory=list)
    """Not imported: another text is there under the same version. Only where that is allowed."""
    changed: list[Place] = field(default_factory=list)
    """Keys and locales for which people get another text now."""
    hidden: list[Place] = field(default_factory=list)
    """Translations that no longer fit the English text: English is shown until they do."""


def import_translations(
    session: EngineSession,
    texts: Sequence[Text],
    now_ms: Callable[[], int],
    *,
    keep_other: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Insert what is new of `texts`, some hundred in a transaction, keys whole.

    Everything is tried before anything is kept. Raises InvalidArgument with a line for each text
    that is refused: another one is there under its version (unless `keep_other`), or its
    placeholders are not those of the English one. Raises Unavailable, Halt.
    """
    tried = _Run(session, now_ms, keep_other=keep_other, dry_run=True)
    for part in _parts(texts):
        tried.take(part)
    if tried.problems:
        raise InvalidArgument("\n".join(tried.problems[:PROBLEMS_MAX]))
    if dry_run or not tried.imported.new:
        return tried.imported
    done = _Run(session, now_ms, keep_other=keep_other, dry_run=False)
    for part in _parts(texts):
        done.take(part)
        if done.problems:  # somebody else imported in between
            raise InvalidArgument("\n".join(done.problems[:PROBLEMS_MAX]))
    return done.imported


def _parts(texts: Sequence[Text]) -> Iterator[list[Text]]:
    """All texts of a key in one part: translations are held against its English text."""
    part: list[Text] = []
    for text in sorted(dict.fromkeys(texts)):
        if len(part) >= TEXTS_EACH and text.key != part[-1].key:
            yield part
            part = []
        part.append(text)
    if part:
        yield part


class _Run:
    """One pass over all parts, each in a transaction; a dry run leaves no trace."""

    def __init__(
        self, session: EngineSession, now_ms: Callable[[], int], *, keep_other: bool, dry_run: bool
    ) -> None:
        self.imported = Imported()
        self.problems: list[str] = []
        self._session = session
        self._now_ms = now_ms
        self._keep_other = keep_other
        self._dry_run = dry_run

    def take(self, part: Sequence[Text]) -> None:
        names = sorted({text.key for text in part})
        try:
            with self._session.transaction() as tx:
                translations.lock(tx)
                translations.allow(tx, {text.locale for text in part})
                before = translations.served(tx, names)
                self._insert(tx, names, self._new_of(tx, part))
                after = translations.served(tx, names)
                changed = _changed(before, after)
                self.imported.changed += changed
                self.imported.hidden += translations.hidden(tx, names)
                if self._dry_run or self.problems:
                    translations.roll_back()
                rows = [_invalidation(place, after, self._now_ms()) for place in changed]
                outbox.append(tx, rows, [])
        except Suspect as error:
            raise Halt(f"the database refuses a text that we would have taken: {error}") from error

    def _new_of(self, tx: Tx, part: Sequence[Text]) -> list[Text]:
        stored = translations.stored(tx, part)
        new: list[Text] = []
        for text in part:
            there = stored.get(Version(text.key, text.locale, text.version))
            if there is None:
                stored[Version(text.key, text.locale, text.version)] = text.value
                new.append(text)
            elif there == text.value:
                self.imported.there += 1
            elif self._keep_other:
                self.imported.kept.append(text)
            else:
                self.problems.append(
                    f"{text.key} in {text.locale}: version {text.version} has another text "
                    "already; give the new one a greater version"
                )
        return new

    def _insert(self, tx: Tx, names: Sequence[str], new: Sequence[Text]) -> None:
        """English first: the others are held against it."""
        translations.add(tx, [text for text in new if text.locale == ENGLISH])
        english = translations.english(tx, names)
        fitting: list[Text] = []
        for text in new:
            if text.locale == ENGLISH:
                continue
            wrong = misfit(text.key, text.locale, text.value, english.get(text.key, text.value))
            if wrong is None:
                fitting.append(text)
            else:
                self.problems.append(wrong)
        translations.add(tx, fitting)
        self.imported.new += new


def _changed(before: dict[Place, Served], after: dict[Place, Served]) -> list[Place]:
    def value(served: dict[Place, Served], place: Place) -> str | None:
        return served[place].value if place in served else None

    return [
        place
        for place in sorted(before.keys() | after.keys())
        if value(before, place) != value(after, place)
    ]


def _invalidation(place: Place, after: dict[Place, Served], now_ms: int) -> OutboxRow:
    """One record for what Redis keeps under one key. Versions tell it from every other one."""
    key, locale = place
    name = keys.translation(key, locale)
    # A translation that is hidden now is so because of the English text.
    served = after.get(place) or after[key, ENGLISH]
    cause = f"{served.version}/{served.english_version}"
    stamp = encode.Stamp(uuid_text(DEFAULT_MERCHANT), "", now_ms)
    body = encode.cache_invalidate(stamp, name, "translation", cause, locale)
    return OutboxRow("cache.invalidate", encode.SCHEMA_VERSION, name.encode(), body, None, None)
