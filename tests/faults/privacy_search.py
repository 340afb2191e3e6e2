"""Looks for texts in everything that the engine keeps and says, in every form they may take.

Shares no code with what writes there: plain SQL over whatever tables there are, every type of key
that Redis has, whole topics, whole logs, whole pages of metrics.
"""

import base64
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from deploy.devstack.server import Addresses
from deploy.launch import Worker
from gamification.adapters.kafka.topics import PRODUCED, RELAY_TOPIC
from tests.oracle.topic_records import TopicReader, TopicRecord

DLQ: Final = "gamification.dlq"
READ_WITHIN_S: Final = 10

COLUMNS: Final = """
    SELECT c.table_schema, c.table_name, c.column_name
      FROM information_schema.columns c
      JOIN pg_class r ON r.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
     WHERE r.relkind IN ('r', 'p', 'm') AND NOT r.relispartition
       AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
     ORDER BY 1, 2, 3
"""
"""Of every table; a parent shows what its partitions hold."""

LETTERS: Final = sql.SQL("(SELECT code FROM topics WHERE name = 'gamification.dlq')")


class Place(NamedTuple):
    """Where something was found: specific enough to be allowed or not."""

    kind: str
    name: str


class Needles:
    """Texts that must not turn up, as they are and encoded."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._forms = {form for text in texts for form in forms_of(text)}

    def found_in(self, where: bytes) -> bool:
        return any(form in where for form in self._forms)


def forms_of(text: str) -> set[bytes]:
    """The text, percent-encoded, in hexadecimal, and inside of base64 wherever it begins there."""
    raw = text.encode()
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode(), quote(text, safe="").encode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        inner = encoded[(0, 2, 3)[before] : (len(raw) + before) // 3 * 4]
        forms |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def everywhere(
    addresses: Addresses, workers: Iterable[Worker], needles: Needles
) -> Mapping[Place, str]:
    """Every place that has one of them, with an example of it."""
    found: dict[Place, str] = {}
    looked: set[str] = set()
    for place, content in _contents(addresses, workers):
        looked.add(place.kind)
        if needles.found_in(content):
            found.setdefault(place, content[:300].decode(errors="replace"))
    assert looked == {"postgres", "redis", "kafka", "log", "metrics"}, "a search that saw nothing"
    return found


def records(addresses: Addresses) -> list[TopicRecord]:
    """All that the engine's own topics hold."""
    reader = TopicReader(addresses.kafka_bootstrap, (*PRODUCED, DLQ, RELAY_TOPIC))
    reader.catch_up()
    return reader.records


def _contents(addresses: Addresses, workers: Iterable[Worker]) -> Iterator[tuple[Place, bytes]]:
    with psycopg.connect(addresses.postgres_dsn) as database:
        yield from _of_postgres(database)
    with closing(redis.Redis.from_url(addresses.redis_url)) as client:
        yield from _of_redis(client)
    for record in records(addresses):
        yield Place("kafka", f"{record.topic} key"), record.key or b""
        yield Place("kafka", f"{record.topic} value"), record.value or b""
        for name, value in record.headers:
            yield Place("kafka", f"{record.topic} header {name}"), name.encode() + b"=" + value
    for worker in workers:
        for line in worker.log_text().splitlines():
            yield Place("log", worker.name), line.encode()
        with urllib.request.urlopen(f"{worker.url}/metrics", timeout=READ_WITHIN_S) as page:  # noqa: S310
            yield Place("metrics", worker.name), page.read()


def _of_postgres(database: psycopg.Connection) -> Iterator[tuple[Place, bytes]]:
    for schema, table, column in database.execute(COLUMNS).fetchall():
        query = sql.SQL("SELECT {0}::text FROM {1} WHERE {0} IS NOT NULL").format(
            sql.Identifier(column), sql.Identifier(schema, table)
        )
        if table == "outbox":  # a letter on its way is another thing than an announcement
            yield from _rows(
                database, query + sql.SQL(" AND topic <> ") + LETTERS, f"outbox.{column}"
            )
            yield from _rows(
                database, query + sql.SQL(" AND topic = ") + LETTERS, f"outbox.{column} of letters"
            )
        else:
            yield from _rows(database, query, f"{table}.{column}")


def _rows(
    database: psycopg.Connection, query: sql.Composed, name: str
) -> Iterator[tuple[Place, bytes]]:
    for (text,) in database.execute(query):
        yield Place("postgres", name), text.encode()


def _of_redis(client: "redis.Redis") -> Iterator[tuple[Place, bytes]]:
    reads: dict[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    for key in client.scan_iter(count=1000):
        yield Place("redis", "a key"), key
        kind: Any = client.type(key)
        # Not DUMP, which compresses. A type that is not named here fails the search.
        yield Place("redis", "a value"), repr(reads[kind](key)).encode()
