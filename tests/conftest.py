"""Offers the fixtures of tests/servers.py to every test."""

from tests.servers import (
    database_dsn,
    kafka_topics,
    migrated_template,
    own_stack,
    redis_url,
    servers,
)

__all__ = [
    "database_dsn",
    "kafka_topics",
    "migrated_template",
    "own_stack",
    "redis_url",
    "servers",
]
