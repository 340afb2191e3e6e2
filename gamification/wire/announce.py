"""What deciding brought about, as records that Kafka must be told."""

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from gamification.domain.effects import Announcement, BadgeAwarded, LevelReached, StreakDay
from gamification.domain.ids import CustomerId, MerchantId, uuid_text
from gamification.wire import encode
from gamification.wire.encode import Stamp
from gamification.wire.envelope import OutboxRow


def announce(
    announcements: Iterable[Announcement],
    default_locales: Mapping[MerchantId, str],
    created_at_ms: int,
) -> list[OutboxRow]:
    """Rows in the order of the facts. `default_locales`: for customers without a locale."""
    rows: list[OutboxRow] = []
    for fact in announcements:
        player = fact.player
        stamp = Stamp(
            uuid_text(player.merchant_id),
            uuid_text(player.customer_id),
            created_at_ms,
            fact.cause.trace_id,
        )
        match fact:
            case StreakDay():
                body = encode.streak_updated(stamp, fact.current, fact.longest, fact.day)
                rows.append(_row("streak.updated", stamp.customer_id, body, fact))
            case LevelReached():
                reward = fact.reward
                body = encode.level_up(stamp, fact.level, reward.coins, reward.badges)
                rows.append(_row("level.up", stamp.customer_id, body, fact))
            case BadgeAwarded():
                locale = player.locale or default_locales[player.merchant_id]
                rows.extend(_badge_rows(fact, stamp, locale))
            case _:
                assert_never(fact)
    return rows


def profile_changed(
    merchant_id: MerchantId, customer_id: CustomerId, cause: str, created_at_ms: int
) -> OutboxRow:
    """For who keeps a customer's totals: they moved, perhaps down. `cause` is the fact."""
    merchant, customer = uuid_text(merchant_id), uuid_text(customer_id)
    key = f"profile:{merchant}:{customer}"
    stamp = Stamp(merchant, customer, created_at_ms)
    body = encode.cache_invalidate(stamp, key, "profile", cause)
    return OutboxRow("cache.invalidate", encode.SCHEMA_VERSION, key.encode(), body, None, None)


def _badge_rows(fact: BadgeAwarded, stamp: Stamp, locale: str) -> Iterator[OutboxRow]:
    badge, customer = fact.badge, stamp.customer_id
    yield _row("badge.awarded", customer, encode.badge_awarded(stamp, badge, locale), fact)
    yield _row("badge.task", customer, encode.badge_task(stamp, badge, locale), fact)
    yield _row("badge.earned", customer, encode.badge_earned(stamp, badge), fact)
    key = f"badge:{stamp.merchant_id}:{customer}:{badge}"
    # The cause is the fact, not the activity that happened to bring it: ids do not depend on order.
    dropped = encode.cache_invalidate(stamp, key, "badge", "awarded")
    yield _row("cache.invalidate", key, dropped, fact)


def _row(topic: str, key: str, body: bytes, fact: Announcement) -> OutboxRow:
    return OutboxRow(topic, encode.SCHEMA_VERSION, key.encode(), body, fact.cause.traceparent, None)
