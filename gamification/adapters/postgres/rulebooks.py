"""Rulebooks as they were written, by merchant and version; at most one of each is active."""

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.ids import DEFAULT_MERCHANT, BadgeId, MerchantId
from gamification.domain.rulebook import BadgeRule

GENERATION: Final = "SELECT number FROM generation"

BUMP: Final = "UPDATE generation SET number = number + 1"

ACTIVE: Final = """
    SELECT merchant_id, version, document
      FROM rulebooks
     WHERE active AND merchant_id IN (%b::uuid, %b::uuid)
     ORDER BY merchant_id = %b::uuid DESC
     LIMIT 1
"""

LOCK_HISTORY: Final = "SELECT pg_advisory_xact_lock(hashtext('gamification_rulebooks'), 0)"

NEXT_VERSION: Final = """
    SELECT coalesce(max(version), 0) + 1 FROM rulebooks WHERE merchant_id = %b::uuid
"""

RETIRE: Final = "UPDATE rulebooks SET active = false WHERE merchant_id = %b::uuid AND active"

ADD: Final = """
    INSERT INTO rulebooks (merchant_id, version, document, active, actor, activated_at)
    VALUES (%b::uuid, %b::int, %b::text, true, %b::text, now())
"""

DEFINE_BADGE: Final = """
    INSERT INTO badge_definitions (merchant_id, badge, name_key, icon, tier, rulebook_version)
    VALUES (%b::uuid, %b::text, %b::text, %b::text, %b::text, %b::int)
    ON CONFLICT (merchant_id, badge) DO UPDATE
       SET name_key = excluded.name_key, icon = excluded.icon, tier = excluded.tier,
           rulebook_version = excluded.rulebook_version
"""

HISTORY: Final = """
    SELECT version, active, actor, created_at, activated_at
      FROM rulebooks WHERE merchant_id = %b::uuid
     ORDER BY version DESC LIMIT %b::int
"""


class Stored(NamedTuple):
    """A rulebook in force. `owner` is the nil UUID when it is the default one."""

    owner: MerchantId
    version: int
    document: str


class Version(NamedTuple):
    version: int
    active: bool
    actor: str
    created_at: datetime
    activated_at: datetime | None


def generation(session: EngineSession) -> int:
    """Moves whenever a rulebook or a merchant changes."""
    with session.transaction() as tx:
        return generation_in(tx)


def generation_in(tx: Tx) -> int:
    """The same, as this transaction sees it."""
    tx.execute(GENERATION)
    row = tx.fetchone()
    return int(row[0]) if row else 0


def active_for(session: EngineSession, merchant: MerchantId) -> Stored | None:
    """The merchant's own rulebook, else the default one, else None."""
    with session.transaction() as tx:
        tx.execute(
            ACTIVE, (UUID(bytes=merchant), UUID(bytes=DEFAULT_MERCHANT), UUID(bytes=merchant))
        )
        row = tx.fetchone()
        return Stored(MerchantId(row[0]), row[1], row[2]) if row else None


def activate(
    tx: Tx,
    owner: MerchantId,
    document: str,
    actor: str,
    badges: dict[BadgeId, tuple[BadgeRule, str | None]],
) -> int:
    """Store `document` as the owner's next version and put it into force; return the version.

    Workers see the new generation with their next batch.
    """
    key = UUID(bytes=owner)
    tx.execute(LOCK_HISTORY)
    tx.execute(NEXT_VERSION, (key,))
    row = tx.fetchone()
    version = int(row[0]) if row else 1
    tx.execute(RETIRE, (key,))
    tx.execute(ADD, (key, version, document, actor))
    for badge, (rule, tier) in badges.items():
        tx.execute(DEFINE_BADGE, (key, badge, rule.name_key(tier), rule.icon, tier, version))
    tx.execute(BUMP)
    return version


def history(session: EngineSession, owner: MerchantId, limit: int) -> list[Version]:
    """The owner's versions, newest first."""
    with session.transaction() as tx:
        tx.execute(HISTORY, (UUID(bytes=owner), limit))
        return [Version(*row) for row in tx.fetchall()]
