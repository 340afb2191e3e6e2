"""Avro bodies of what is announced, with ids that come from the fact itself.

Written by hand, field by field in the order of `schemas/<topic>.avsc`: about one announcement
is made per activity, and this takes a third of the time of a general writer. A property test
holds every function here against fastavro.

No body has the registry's header: the relay adds it, because only it knows the schema's id.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from gamification.wire.fact import fact_id

SCHEMA_VERSION: Final = 1
"""Of every produced topic, so far. What a record says and OutboxRow.schema_version holds."""

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
WORDS_REMEMBERED: Final = 4096
ONE_BYTE_MAX: Final = 64
ONE_BYTE: Final = tuple(bytes([n << 1]) for n in range(ONE_BYTE_MAX))
"""Lengths 0 to 63 as Avro writes them."""


class Stamp(NamedTuple):
    """What all announcements of one decision say alike. Ids as lower-case UUID text."""

    merchant_id: str
    customer_id: str
    """Empty where no customer is meant."""
    created_at_ms: int
    trace_id: str | None = None


class AuditEntry(NamedTuple):
    """Who did what to whom. No personal data anywhere."""

    actor: str
    action: str
    subject: str
    outcome: str
    cause: str
    """Tells two like actions apart; goes into the id only."""
    details: Mapping[str, str] = {}


def badge_awarded(stamp: Stamp, badge: str, locale: str) -> bytes:
    """Body for `badge.awarded`."""
    event_id = fact_id(f"badge.awarded:badge:{stamp.merchant_id}:{stamp.customer_id}:{badge}")
    return _head(event_id, stamp) + _text(stamp.customer_id) + _word(badge) + _word(locale)


def badge_task(
    stamp: Stamp, badge: str, locale: str, task_type: str = "badge_notification"
) -> bytes:
    """Body for `badge.task`."""
    of = f"{stamp.merchant_id}:{stamp.customer_id}:{badge}"
    event_id = fact_id(f"badge.task:badge:{of}:{task_type}")
    who = _text(stamp.customer_id)
    return _head(event_id, stamp) + who + _word(task_type) + _word(locale) + _word(badge)


def badge_earned(stamp: Stamp, badge: str) -> bytes:
    """Body for `badge.earned`."""
    event_id = fact_id(f"badge.earned:badge:{stamp.merchant_id}:{stamp.customer_id}:{badge}")
    return _head(event_id, stamp) + _text(stamp.customer_id) + _word(badge)


def level_up(stamp: Stamp, level: int, reward_coins: int, reward_badges: Sequence[str]) -> bytes:
    """Body for `level.up`; one for every level reached."""
    event_id = fact_id(f"level.up:level:{stamp.merchant_id}:{stamp.customer_id}:{level}")
    head = _head(event_id, stamp) + _text(stamp.customer_id)
    return head + long(level) + long(reward_coins) + _array(reward_badges)


def streak_updated(stamp: Stamp, current: int, longest: int, day: int) -> bytes:
    """Body for `streak.updated`. `day`: days since 1970-01-01; lengths in active days."""
    day_text = iso_day(day)
    event_id = fact_id(f"streak.updated:streak:{stamp.merchant_id}:{stamp.customer_id}:{day_text}")
    head = _head(event_id, stamp) + _text(stamp.customer_id)
    return head + long(current) + long(longest) + _word(day_text)


def reward_redeemed(stamp: Stamp, reward_id: str, redemption_id: str, cost: int) -> bytes:
    """Body for `reward.redeemed`. `cost` in coins."""
    event_id = fact_id(f"reward.redeemed:redemption:{stamp.merchant_id}:{redemption_id}")
    head = _head(event_id, stamp) + _text(stamp.customer_id)
    return head + _text(reward_id) + _text(redemption_id) + long(cost)


def cache_invalidate(
    stamp: Stamp, key: str, type_: str, cause: str, locale: str | None = None
) -> bytes:
    """Body for `cache.invalidate`. `cause` tells one invalidation of a key from the next."""
    event_id = fact_id(f"cache.invalidate:{stamp.merchant_id}:{key}:{locale or ''}:{cause}")
    return _head(event_id, stamp) + _text(key) + _word(type_) + _optional(locale)


def leaderboard_refresh(stamp: Stamp, board: str, as_of_ms: int) -> bytes:
    """Body for `leaderboard.refresh`. `as_of_ms`: milliseconds since 1970."""
    event_id = fact_id(f"leaderboard.refresh:{stamp.merchant_id}:{board}:{as_of_ms}")
    return _head(event_id, stamp) + _text(board) + long(as_of_ms)


def audit_log(stamp: Stamp, entry: AuditEntry) -> bytes:
    """Body for `audit_log`."""
    name = audit_fact(stamp.merchant_id, entry.action, entry.subject, entry.cause)
    said = _text(entry.actor) + _word(entry.action) + _text(entry.subject) + _word(entry.outcome)
    return _head(fact_id(name), stamp) + said + _map(entry.details)


def audit_fact(merchant_id: str, action: str, subject: str, cause: str) -> str:
    """The name of which the id of an audit entry is made: of its record and of its row."""
    return f"audit_log:{merchant_id}:{action}:{subject}:{cause}"


def long(value: int) -> bytes:
    """Zig-zag varint of a signed 64-bit number; Avro's int and long alike."""
    if 0 <= value < ONE_BYTE_MAX:
        return ONE_BYTE[value]
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:  # noqa: PLR2004  seven bits a byte
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


@lru_cache(maxsize=64)
def iso_day(day: int) -> str:
    """YYYY-MM-DD of a day since 1970-01-01."""
    return date.fromordinal(EPOCH_ORDINAL + day).isoformat()


def _head(event_id: str, stamp: Stamp) -> bytes:
    moment = _moment(stamp.created_at_ms)
    return _text(event_id) + _word(stamp.merchant_id) + moment + _optional(stamp.trace_id)


@lru_cache(maxsize=16)
def _moment(created_at_ms: int) -> bytes:
    """A batch has one moment: created_at, then schema_version."""
    return long(created_at_ms) + long(SCHEMA_VERSION)


def _text(text: str) -> bytes:
    raw = text.encode()
    size = len(raw)
    return (ONE_BYTE[size] if size < ONE_BYTE_MAX else long(size)) + raw


_word = lru_cache(maxsize=WORDS_REMEMBERED)(_text)
"""For texts of which there are few: merchants, badges, locales."""


def _optional(text: str | None) -> bytes:
    return b"\0" if text is None else b"\2" + _text(text)


def _array(texts: Sequence[str]) -> bytes:
    if not texts:
        return b"\0"
    return long(len(texts)) + b"".join(_text(text) for text in texts) + b"\0"


def _map(texts: Mapping[str, str]) -> bytes:
    if not texts:
        return b"\0"
    entries = b"".join(_text(key) + _text(value) for key, value in texts.items())
    return long(len(texts)) + entries + b"\0"
