"""Texts by key, locale and version: imported, counted, and pruned when they are old.

The views of migration 0003 say what is in force: `newest_translations` has the greatest version
of each key and locale, `served_translations` those of them that fit the English text.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, NoReturn, TypeAlias

import psycopg

from gamification.adapters.postgres.arrays import texts
from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.wire.translation_file import Text

Place: TypeAlias = tuple[str, str]
"""Key and locale."""

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('gamification_translations'), 0)"

ALLOW: Final = """
    INSERT INTO locales (locale) SELECT * FROM unnest(%b::text[]) ON CONFLICT DO NOTHING
"""

STORED: Final = """
    SELECT key, locale, version, value
      FROM unnest(%b::text[], %b::text[], %b::text[]) AS wanted (key, locale, version)
      JOIN translations USING (key, locale, version)
"""

ADD: Final = """
    INSERT INTO translations (key, locale, version, value)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[])
"""

ENGLISH: Final = """
    SELECT key, value FROM newest_translations WHERE key = ANY(%b::text[]) AND locale = 'en'
"""

SERVED: Final = """
    SELECT key, locale, value, version, coalesce(english_version, '')
      FROM served_translations WHERE key = ANY(%b::text[])
"""

HIDDEN: Final = """
    SELECT key, locale FROM newest_translations WHERE key = ANY(%b::text[])
    EXCEPT
    SELECT key, locale FROM served_translations WHERE key = ANY(%b::text[])
    ORDER BY key, locale
"""

COMPLETENESS: Final = """
    WITH asked AS MATERIALIZED (SELECT key FROM newest_translations WHERE locale = 'en'),
         served AS MATERIALIZED (SELECT key, locale FROM served_translations)
    SELECT locales.locale, count(served.key), count(asked.key)
      FROM locales
      LEFT JOIN asked ON true
      LEFT JOIN served ON served.key = asked.key AND served.locale = locales.locale
     GROUP BY locales.locale
     ORDER BY locales.locale
"""

_OLD: Final = """
    SELECT key, locale, version
      FROM (SELECT key, locale, version, created_at,
                   row_number() OVER (
                       PARTITION BY key, locale
                       ORDER BY semver_order(version) COLLATE "C" DESC, version COLLATE "C" DESC
                   ) AS place
              FROM translations) AS ranked
     WHERE place > %b::int AND created_at < now() - make_interval(days => %b::int)
"""
OLD: Final = _OLD + ' ORDER BY key, locale, semver_order(version) COLLATE "C"'
PRUNE: Final = f"""
    DELETE FROM translations
     WHERE (key, locale, version) IN ({_OLD} LIMIT %b::int)
"""  # noqa: S608 - put together from constants


class Served(NamedTuple):
    """What readers get for one key and locale."""

    value: str
    version: str
    english_version: str
    """Of the text that it was held against; empty when there is none."""


class Completeness(NamedTuple):
    locale: str
    served: int
    of: int
    """Keys that have an English text."""


class Version(NamedTuple):
    key: str
    locale: str
    version: str


def lock(tx: Tx) -> None:
    """One import at a time: what it compares with must not move. Before everything else."""
    tx.execute(LOCK)


def roll_back() -> NoReturn:
    """Leave the transaction without a trace and without an error."""
    raise psycopg.Rollback


def allow(tx: Tx, locales: Collection[str]) -> None:
    """Let the table hold these locales as well."""
    tx.execute(ALLOW, (texts(sorted(locales)),))


def stored(tx: Tx, wanted: Sequence[Text]) -> dict[Version, str]:
    """The texts that are there under just these keys, locales and versions."""
    tx.execute(
        STORED,
        (
            texts([text.key for text in wanted]),
            texts([text.locale for text in wanted]),
            texts([text.version for text in wanted]),
        ),
    )
    return {Version(key, locale, version): value for key, locale, version, value in tx.fetchall()}


def add(tx: Tx, new: Sequence[Text]) -> None:
    """Insert them. Raises Suspect when the database's own rules refuse one."""
    if new:
        columns = [texts(list(column)) for column in zip(*new, strict=True)]
        tx.execute(ADD, columns)


def english(tx: Tx, keys: Collection[str]) -> dict[str, str]:
    """The newest English text of each key that has one."""
    tx.execute(ENGLISH, (texts(list(keys)),))
    return dict(tx.fetchall())


def served(tx: Tx, keys: Collection[str]) -> dict[Place, Served]:
    """What readers get now, in every locale."""
    tx.execute(SERVED, (texts(list(keys)),))
    return {(key, locale): Served(*rest) for key, locale, *rest in tx.fetchall()}


def hidden(tx: Tx, keys: Collection[str]) -> list[Place]:
    """Translations that no longer fit the English text and are passed over."""
    tx.execute(HIDDEN, (texts(list(keys)), texts(list(keys))))
    return [(key, locale) for key, locale in tx.fetchall()]


def completeness(session: EngineSession) -> list[Completeness]:
    """Per locale, how many of the keys with an English text are served in it."""
    with session.transaction() as tx:
        tx.execute(COMPLETENESS)
        return [Completeness(*row) for row in tx.fetchall()]


def old(session: EngineSession, keep: int, older_than_days: int) -> list[Version]:
    """Versions behind the newest `keep` of their key and locale that are older than that."""
    with session.transaction() as tx:
        tx.execute(OLD, (keep, older_than_days))
        return [Version(*row) for row in tx.fetchall()]


def prune(session: EngineSession, keep: int, older_than_days: int, limit: int) -> int:
    """Delete up to `limit` of what `old` names; return how many. 0: nothing is left to prune."""
    with session.transaction() as tx:
        tx.execute(PRUNE, (keep, older_than_days, limit))
        return tx.rowcount
