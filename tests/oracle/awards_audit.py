"""Invariant 2: every profile, badge, level, streak, board value and completion is the model's."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

import psycopg

from gamification.domain.activity import KIND_CODES, Activity
from tests.oracle import postgres_rows as sql
from tests.oracle.expected import Correction, ExpectedProfile, Person
from tests.oracle.postgres_rows import BadgeRow, ProfileRow
from tests.oracle.report import Invariant, Report, shown

AWARDS = Invariant.AWARDS

Wanted = Mapping[Person, ExpectedProfile]
Things = dict[object, object]


def compare_events(
    database: psycopg.Connection, activities: Iterable[Activity], report: Report
) -> None:
    """Each valid event was counted, under its kind, and nothing else was."""
    want: Things = {(one.merchant_id, one.event_id): KIND_CODES[one.kind] for one in activities}
    got: Things = {(row[0], row[1]): row[2] for row in sql.rows(database, sql.PROCESSED)}
    report.same(AWARDS, "events", want, got)


def compare_profiles(wanted: Wanted, profiles: Mapping[Person, ProfileRow], report: Report) -> None:
    """Balances, levels, streaks and settings."""
    want: Things = {
        person: {
            "exp": one.exp,
            "coins": one.coins,
            "coins_earned": one.coins_earned,
            "level": one.level,
            "level_high": one.level_high,
            "current_streak": one.current_streak,
            "longest_streak": one.longest_streak,
            "active_days": one.active_days,
            "locale": one.locale,
            "timezone": one.timezone,
            "notify": one.notify,
            "locale_ever": one.locale_ever,
        }
        for person, one in wanted.items()
    }
    fields: tuple[str, ...] = tuple(next(iter(want.values()), {}))  # type: ignore[arg-type]
    got: Things = {
        person: {name: row.days if name == "active_days" else getattr(row, name) for name in fields}
        for person, row in profiles.items()
    }
    report.same(AWARDS, "profiles", *_narrowed(want, got))


def _narrowed(want: Things, got: Things) -> tuple[Things, Things]:
    """Leave the fields that agree out of what differs: people look at the rest."""
    for person in [each for each in want if each in got and want[each] != got[each]]:
        wanted, found = want[person], got[person]
        assert isinstance(wanted, dict)
        assert isinstance(found, dict)
        names = [name for name in wanted if wanted[name] != found[name]]
        want[person] = {name: wanted[name] for name in names}
        got[person] = {name: found[name] for name in names}
    return want, got


def compare_badges(
    database: psycopg.Connection,
    wanted: Wanted,
    profiles: Mapping[Person, ProfileRow],
    report: Report,
) -> list[BadgeRow]:
    """Badges by table and as the profile repeats them. Returns the table's rows."""
    held = [BadgeRow(*values) for values in sql.rows(database, sql.BADGES)]
    want = {(*person, badge) for person, one in wanted.items() for badge in one.badges}
    report.same(AWARDS, "badges", want, {row[:3] for row in held})
    names = dict(sql.rows(database, sql.NAMES))
    repeated = {
        (*person, str(names.get(code)).removeprefix("badge:"))
        for person, row in profiles.items()
        for code in row.badge_codes
    }
    report.same(AWARDS, "badges in profiles", want, repeated)
    return held


def compare_causes(
    activities: Iterable[Activity],
    badges: Iterable[BadgeRow],
    paid: Mapping[Person, set[bytes]],
    report: Report,
    *,
    granted: Mapping[Person, Iterable[str]] | None = None,
    corrections: Mapping[Person, Iterable[Correction]] | None = None,
) -> None:
    """Whatever was paid or given has one of that customer's own events or calls as its cause."""
    own: dict[Person, set[bytes]] = defaultdict(set)
    for person, given in (granted or {}).items():
        own[person] |= {_cause_of(b"award_badge:", person, badge) for badge in given}
    for person, made in (corrections or {}).items():
        own[person] |= {_cause_of(b"correction:", person, each.key) for each in made}
    for one in activities:
        own[one.merchant_id, one.customer_id].add(one.event_id)
    for badge in badges:
        if badge.cause not in own[badge.merchant, badge.customer]:
            report.differ(AWARDS, f"badges: {shown(tuple(badge))} has a cause that never was")
    for person, causes in paid.items():
        for cause in causes - own[person]:
            report.differ(AWARDS, f"entries: {shown((*person, cause))} has a cause that never was")


def _cause_of(kind: bytes, person: Person, name: str) -> bytes:
    """The id that a call gives its fact, whoever calls and how often."""
    fact = kind + person[0] + person[1] + name.encode()
    return hashlib.blake2b(fact, digest_size=16).digest()


def compare_amounts(
    wanted: Wanted, by_rule: Mapping[tuple[Person, str], tuple[int, int]], report: Report
) -> None:
    """What each earn rule paid each customer in all, by the ledger."""
    want: Things = {
        (*person, f"rule:{rule}"): (amounts.exp, amounts.coins)
        for person, one in wanted.items()
        for rule, amounts in one.rules.items()
    }
    got: Things = {
        (*person, rule): amounts
        for (person, rule), amounts in by_rule.items()
        if rule.startswith("rule:")
    }
    report.same(AWARDS, "rules' totals", want, got)


def compare_sets(database: psycopg.Connection, wanted: Wanted, report: Report) -> None:
    """Completions, prizes and refused prizes."""
    completed = {
        (*person, f"once:{rule}", value)
        for person, one in wanted.items()
        for rule, values in one.completed.items()
        for value in values
    }
    report.same(AWARDS, "completions", completed, set(sql.rows(database, sql.COMPLETIONS)))
    prizes = {
        (*person, f"rule:{rule}", tournament, match)
        for person, one in wanted.items()
        for rule, tournament, match in one.prizes
    }
    report.same(AWARDS, "prizes", prizes, set(sql.rows(database, sql.PRIZES)))
    refused: Things = {
        (*person, f"rule:{rule}", "duplicate_payout"): times
        for person, one in wanted.items()
        for rule, times in one.refused.items()
    }
    got: Things = {row[:4]: row[4] for row in sql.rows(database, sql.REFUSED)}
    report.same(AWARDS, "customers with refused prizes", refused, got)


def compare_board_days(database: psycopg.Connection, wanted: Wanted, report: Report) -> None:
    want: Things = {
        (*person, day): exp for person, one in wanted.items() for day, exp in one.board.items()
    }
    got: dict[tuple[object, object, date], int] = {
        row[:3]: row[3] for row in sql.rows(database, sql.BOARD_DAYS)
    }
    report.same(AWARDS, "days on boards", want, got)
