"""Rulebooks and merchants' settings as the database has them, for auditing a running system."""

import psycopg

from gamification.domain.ids import MerchantId
from gamification.domain.rulebook import Rulebook
from gamification.wire.rulebook.load import load
from tests.oracle.expected import MerchantSettings

ACTIVE = "SELECT uuid_send(merchant_id), document FROM rulebooks WHERE active"
MERCHANTS = "SELECT uuid_send(merchant_id), timezone, default_locale FROM merchants"


def active_rulebooks(dsn: str) -> dict[MerchantId, Rulebook]:
    """By owner; the nil UUID owns the default."""
    with psycopg.connect(dsn) as database, database.cursor(binary=True) as cursor:
        return {owner: load(document) for owner, document in cursor.execute(ACTIVE)}


def merchant_settings(dsn: str) -> dict[MerchantId, MerchantSettings]:
    with psycopg.connect(dsn) as database, database.cursor(binary=True) as cursor:
        return {
            merchant: MerchantSettings(timezone, locale)
            for merchant, timezone, locale in cursor.execute(MERCHANTS)
        }
