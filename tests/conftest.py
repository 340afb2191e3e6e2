"""Offers the fixtures of tests/servers.py to every test."""

from tests.object_store import archive_place, object_store
from tests.servers import (
    database_dsn,
    kafka_topics,
    migrated_template,
    own_stack,
    redis_url,
    servers,
)

__all__ = [
    "archive_place",
    "database_dsn",
    "kafka_topics",
    "migrated_template",
    "object_store",
    "own_stack",
    "redis_url",
    "servers",
]
