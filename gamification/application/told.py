"""What the award worker tells people of each committed batch: metrics and log lines."""

import logging
import time
from collections import Counter
from collections.abc import Sequence

from gamification.application.award import Outcome
from gamification.domain.activity import Activity
from gamification.domain.effects import BadgeAwarded
from gamification.domain.ids import uuid_text
from gamification.telemetry import logs, metrics
from gamification.wire.envelope import Record
from gamification.wire.trace import trace_id_of

log = logs.get("award")


def tell(records: Sequence[Record], outcome: Outcome, seconds: float) -> None:
    """Count the batch; log prizes and letters one by one (badges are announced on Kafka).

    `seconds`: how long the batch took, from its first step to its commit.
    """
    metrics.BATCH_ITEMS.observe(len(records))
    metrics.BATCH_SECONDS.observe(seconds)
    now_s = time.time()
    metrics.BADGE_LATENCY.observe(now_s - record.timestamp_ms / 1000 for record in records)
    _count_events("accepted", outcome.counted)
    _count_events("duplicate", outcome.duplicates)
    if outcome.effects.warnings:
        metrics.IGNORED.labels("language_or_timezone").inc(outcome.effects.warnings)
    tell_badges(outcome)
    _tell_prizes(outcome)
    for letter in outcome.letters:
        metrics.EVENTS.labels(letter.origin.topic, "rejected").inc()
    for letter in outcome.new_letters:
        metrics.DEAD_LETTERS.labels(letter.origin.topic, letter.reason).inc()
        log.warning(
            "dead_lettered",
            reason=letter.reason,
            detail=letter.detail,
            topic=letter.origin.topic,
            partition=letter.origin.partition,
            offset=letter.origin.offset,
            attempts=letter.attempts,
            **_trace(letter.traceparent),
        )


def _count_events(outcome: str, activities: Sequence[Activity]) -> None:
    for kind, number in Counter(activity.kind for activity in activities).items():
        metrics.EVENTS.labels(kind, outcome).inc(number)


def tell_badges(outcome: Outcome) -> None:
    """Of one committed transaction. One by one only at level debug: Kafka announces each."""
    awarded = Counter(
        (fact.player.merchant_id, fact.badge, fact.player.locale or "")
        for fact in outcome.effects.announcements
        if isinstance(fact, BadgeAwarded)
    )
    for (merchant, badge, locale), number in awarded.items():
        labels = metrics.merchant_label(merchant), metrics.badge_label(badge), locale
        metrics.BADGES.labels(*labels).inc(number)
    if not log.is_enabled_for(logging.DEBUG):
        return
    for fact in outcome.effects.announcements:
        if isinstance(fact, BadgeAwarded):
            log.debug(
                "badge_awarded",
                badge=fact.badge,
                merchant_id=uuid_text(fact.player.merchant_id),
                customer_id=uuid_text(fact.player.customer_id),
                locale=fact.player.locale,
                **_trace(fact.cause.traceparent),
            )


def _tell_prizes(outcome: Outcome) -> None:
    for prize in outcome.effects.prizes:
        metrics.PAYOUTS.labels("paid").inc()
        log.info(
            "payout_distributed",
            tournament_id=prize.key.tournament_id,
            amount=prize.coins,
            dedup_key=f"{prize.key.rule}:{prize.key.tournament_id}:{prize.key.match_id}",
            merchant_id=uuid_text(prize.player.merchant_id),
            customer_id=uuid_text(prize.player.customer_id),
            **_trace(prize.cause.traceparent),
        )
    for refused in outcome.effects.refused:
        metrics.PAYOUTS.labels("refused").inc()
        log.warning(
            "entry_refused",
            reason=refused.reason,
            amount=refused.coins,
            merchant_id=uuid_text(refused.player.merchant_id),
            customer_id=uuid_text(refused.player.customer_id),
            event_id=uuid_text(refused.cause.event_id),
            **_trace(refused.cause.traceparent),
        )


def _trace(traceparent: str | None) -> dict[str, str]:
    return {} if traceparent is None else {"trace_id": trace_id_of(traceparent)}
