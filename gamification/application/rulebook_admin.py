"""Put rulebooks into force, and look at what was."""

from collections.abc import Callable
from typing import Final

from gamification.adapters.postgres import audit, outbox, rulebooks, translations
from gamification.adapters.postgres.session import EngineSession, Tx
from gamification.domain.audit import Entry
from gamification.domain.compile import held_badges
from gamification.domain.errors import InvalidArgument
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId, uuid_text
from gamification.domain.rulebook import Rulebook
from gamification.wire import encode
from gamification.wire.audit import announced
from gamification.wire.envelope import OutboxRow
from gamification.wire.rulebook import load

HISTORY_MAX: Final = 100
NAMES_TOLD_MAX: Final = 20
"""Of keys without an English text; more would hide how to get them."""


def activate(
    session: EngineSession,
    owner: MerchantId,
    document: str,
    actor: str,
    now_ms: Callable[[], int],
) -> int:
    """Check `document`, store it as the owner's next version, put it into force and announce it.

    Running workers take it up with their next batch. Returns the version. Raises RulebookError
    with every mistake, InvalidArgument when a badge has no English name, Unavailable.
    """
    rulebook = load(document)
    with session.transaction() as tx:
        lacking = _nameless(tx, rulebook)
        if lacking:
            raise InvalidArgument(f"badges: {no_names(lacking)}")
        version = rulebooks.activate(tx, owner, document, actor, held_badges(rulebook))
        audited = [Entry(owner, actor, "rulebook.activate", f"rulebook:{version}")]
        audit.append(tx, audited)
        at_ms = now_ms()
        outbox.append(tx, [_invalidation(owner, version, at_ms), *announced(audited, at_ms)], [])
    return version


def nameless(session: EngineSession, rulebook: Rulebook) -> list[str]:
    """Translation keys of badges and tiers that have no English text. Raises Unavailable, Halt."""
    with session.transaction() as tx:
        return _nameless(tx, rulebook)


def no_names(lacking: list[str]) -> str:
    """What to say of them, and what to do."""
    more = len(lacking) - NAMES_TOLD_MAX
    told = ", ".join(lacking[:NAMES_TOLD_MAX]) + (f" and {more} more" if more > 0 else "")
    return (
        f"no English name for {told}; "
        "import them first: python -m cli.import_translations FILE --yes"
    )


def _nameless(tx: Tx, rulebook: Rulebook) -> list[str]:
    held = held_badges(rulebook).values()
    wanted = list(dict.fromkeys(rule.name_key(tier) for rule, tier in held))
    named = translations.english(tx, wanted)
    return [key for key in wanted if key not in named]


def ensure_default(session: EngineSession, document: str, now_ms: Callable[[], int]) -> int | None:
    """Activate `document` as the default rulebook unless there is one; its version if so."""
    if rulebooks.active_for(session, DEFAULT_MERCHANT) is not None:
        return None
    return activate(session, DEFAULT_MERCHANT, document, "migrate", now_ms)


def history(session: EngineSession, owner: MerchantId) -> list[rulebooks.Version]:
    """The owner's newest versions, newest first."""
    return rulebooks.history(session, owner, HISTORY_MAX)


def _invalidation(owner: MerchantId, version: int, now_ms: int) -> OutboxRow:
    key = f"rulebook:{uuid_text(owner)}"
    stamp = encode.Stamp(uuid_text(owner), "", now_ms)
    body = encode.cache_invalidate(stamp, key, "rulebook", str(version))
    return OutboxRow("cache.invalidate", encode.SCHEMA_VERSION, key.encode(), body, None, None)
