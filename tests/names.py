"""English names for the badges of a rulebook of tests: without them it cannot be activated."""

import time

from gamification.adapters.postgres.session import EngineSession
from gamification.application.import_translations import import_translations
from gamification.domain.compile import held_badges
from gamification.domain.rulebook import Rulebook
from gamification.domain.translation import readable
from gamification.wire.translation_file import Text

VERSION = "1.0.0"


def now_ms() -> int:
    return int(time.time() * 1000)


def name_badges(session: EngineSession, rulebook: Rulebook) -> None:
    """Names that are there already stay."""
    held = held_badges(rulebook).values()
    names = {rule.name_key(tier) for rule, tier in held}
    texts = [Text(key, "en", VERSION, readable(key)) for key in sorted(names)]
    import_translations(session, texts, now_ms, keep_other=True)
