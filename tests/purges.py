"""Purges of audit rows as a service calls them, and what they leave."""

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from typing import Any, Final

import fastavro

from gamification.adapters.archive.connection import Place
from gamification.adapters.archive.store import Store
from gamification.adapters.postgres.session import EngineSession
from gamification.application.archive_audit import Bounds
from gamification.application.purge_audit import Purged, Purger
from gamification.domain.ids import MerchantId
from tests.archives import CAFE, SHOP, ago, archive, ask, fill, now_ms, rows_of
from tests.records import SCHEMAS

SMALL: Final = Bounds(part_rows=10)

ANNOUNCED: Final = """
    SELECT o.key, o.value FROM outbox o JOIN topics t ON t.code = o.topic
     WHERE t.name = 'audit_log' ORDER BY o.id
"""


def fill_both(dsn: str, place: Place) -> None:
    """30 archived rows in 3 objects and 20 in Postgres, of each of two merchants."""
    for merchant in (SHOP, CAFE):
        fill(dsn, merchant, ago(100), 30)
        fill(dsn, merchant, ago(10), 20)
    archive(dsn, place, bounds=SMALL)


@contextmanager
def purger(dsn: str, place: Place | None) -> Iterator[Purger]:
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(place))) if place else None
        session = stack.enter_context(closing(EngineSession(dsn, "purge")))
        yield Purger(session, store, now_ms)


def purge(
    dsn: str,
    place: Place | None,
    merchant: MerchantId = SHOP,
    *,
    actor: str = "eva",
    deadline_s: float = math.inf,
) -> Purged:
    with purger(dsn, place) as each:
        return each.purge(merchant, actor, deadline_s)


def actions_of(dsn: str, merchant: MerchantId = SHOP) -> list[str]:
    return [row[1] for row in rows_of(dsn, merchant)]


def announced(dsn: str) -> list[dict[str, Any]]:
    """Records of `audit_log` in the outbox."""
    schema = fastavro.parse_schema(json.loads(SCHEMAS["audit_log"]))
    read: list[Any] = []
    for key, value in ask(dsn, ANNOUNCED):
        record: Any = fastavro.schemaless_reader(BytesIO(value), schema, None)
        assert key.decode() == record["merchant_id"]
        read.append(record)
    return read
