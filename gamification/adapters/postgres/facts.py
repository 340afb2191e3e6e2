"""What somebody wants to know of the database who was woken at night. Changes nothing."""

import time
from typing import Final, NamedTuple

from gamification.adapters.postgres import outbox_reader, partitions, relay_state
from gamification.adapters.postgres.connection import Database
from gamification.adapters.postgres.errors import translated

SERVER: Final = """
    SELECT split_part(current_setting('server_version'), ' ', 1),
           pg_is_in_recovery(),
           current_setting('fsync'),
           current_setting('synchronous_commit'),
           current_setting('full_page_writes'),
           current_setting('max_connections')::int
               - current_setting('superuser_reserved_connections')::int,
           (SELECT sum(numbackends) FROM pg_stat_database)::int,
           date_part('epoch', clock_timestamp())
"""

LED: Final = """
    SELECT EXISTS (
        SELECT FROM pg_locks
         WHERE locktype = 'advisory' AND granted AND objsubid = 2
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND classid = (hashtext(%s)::bigint & 4294967295)::oid
           AND objid = %s)
"""
"""Whoever leads holds an advisory lock of two numbers for as long as it is connected."""


class ServerFacts(NamedTuple):
    """Settings as a session of ours has them; connections of all databases."""

    version: str
    is_standby: bool
    fsync: str
    synchronous_commit: str
    full_page_writes: str
    connections_max: int
    """Without those that only a superuser gets."""
    connections: int
    ahead_s: float
    """Its clock, ahead of ours."""


class LaneFacts(NamedTuple):
    """What waits for one lane of the relay, as Postgres knows it."""

    lane: str
    is_led: bool
    waiting: int
    """Rows, gaps counted too."""
    oldest_s: float


class PartitionFacts(NamedTuple):
    """Partitions that no row is in yet."""

    table: str
    ahead: int
    wanted: int
    maker: str
    """The process that makes them."""


def server(database: Database) -> ServerFacts:
    """Raises Unavailable or Halt."""
    begun_s = time.time()
    with translated():
        row = database.execute(SERVER).fetchone()
    here_s = (begun_s + time.time()) / 2
    facts = ServerFacts._make(row or ("", False, "", "", "", 0, 0, here_s))
    return facts._replace(ahead_s=facts.ahead_s - here_s)


def lane(database: Database, name: str, shard: int) -> LaneFacts:
    """Raises Unavailable or Halt."""
    published = relay_state.known(database, shard).published
    waiting, oldest_s = outbox_reader.depth_and_age(database, published)
    return LaneFacts(name, is_led(database, relay_state.LOCK, shard), waiting, oldest_s)


def is_led(database: Database, lock: str, number: int) -> bool:
    """Whether a process holds this lock. Raises Unavailable or Halt."""
    with translated():
        row = database.execute(LED, (lock, number)).fetchone()
    return bool(row and row[0])


def partitions_ahead(database: Database, table: str, wanted: int, maker: str) -> PartitionFacts:
    """Raises Unavailable or Halt."""
    return PartitionFacts(table, partitions.ahead(database, table), wanted, maker)
