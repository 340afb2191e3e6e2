"""The baseline: what one writes first. One record, one transaction, one announcement, one commit.

It does less than the engine: one total, three thresholds, no levels, caps, days or streaks. It
announces one record for each event, about as many as the engine does.
"""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from io import BytesIO
from typing import Any, Final

import psycopg
from confluent_kafka import Consumer, Message, Producer
from fastavro import parse_schema, schemaless_reader

from bench.ground import ASK_WITHIN_S, Ground
from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.points import TOPIC
from bench.usage import Meter
from bench.workload.writer import SCHEMAS

NAME: Final = "per_event_loop"
RECORDS_MAX: Final = 4_000
SECONDS_MAX: Final = 12.0
HEADER_BYTES: Final = 5
THRESHOLDS: Final = (100, 500, 1000)
ANNOUNCED: Final = "badge.task"
"""Any topic of ours will do: nobody reads what this loop says."""

TABLES: Final = """
    CREATE SCHEMA naive;
    CREATE TABLE naive.processed (merchant_id uuid, event_id uuid, PRIMARY KEY (merchant_id, event_id));
    CREATE TABLE naive.totals (merchant_id uuid, customer_id uuid, exp bigint NOT NULL,
                               PRIMARY KEY (merchant_id, customer_id));
    CREATE TABLE naive.ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, merchant_id uuid,
                               customer_id uuid, exp bigint NOT NULL, cause uuid);
    CREATE TABLE naive.badges (merchant_id uuid, customer_id uuid, badge int,
                               PRIMARY KEY (merchant_id, customer_id, badge));
"""  # noqa: E501
CLAIM: Final = "INSERT INTO naive.processed VALUES (%s, %s) ON CONFLICT DO NOTHING"
ADD: Final = """
    INSERT INTO naive.totals VALUES (%s, %s, %s)
    ON CONFLICT (merchant_id, customer_id) DO UPDATE SET exp = totals.exp + excluded.exp
    RETURNING exp
"""
ENTER: Final = """
    INSERT INTO naive.ledger (merchant_id, customer_id, exp, cause) VALUES (%s, %s, %s, %s)
"""
HELD: Final = "SELECT badge FROM naive.badges WHERE merchant_id = %s AND customer_id = %s"
AWARD: Final = "INSERT INTO naive.badges VALUES (%s, %s, %s)"


def measure(bench: Bench) -> Figures:
    bench.ground.load(bench.scale.events)
    figures = loop(bench.ground)
    if "drain" in bench.found:
        whole = bench.found["drain"]["records_per_s"]
        figures["drain_is_times_faster"] = round(whole / figures["records_per_s"], 1)
    return figures


def loop(ground: Ground) -> Figures:
    """As far into the topic as a bounded time allows."""
    parsed = parse_schema(json.loads((SCHEMAS / f"{TOPIC}.avsc").read_text()))
    with (
        ground.afresh(NAME) as addresses,
        closing(psycopg.connect(addresses.postgres_dsn, autocommit=True)) as database,
        closing(_consumer(ground.kafka)) as consumer,
    ):
        database.execute(TABLES)
        producer = Producer({"bootstrap.servers": ground.kafka, "log_level": 0})
        message = _next(consumer)
        servers = ground.server_processes
        meter = Meter(servers, whole=bool(servers))
        begun, records = time.monotonic(), 0
        while records < RECORDS_MAX and time.monotonic() - begun < SECONDS_MAX:
            event = schemaless_reader(
                BytesIO((message.value() or b"")[HEADER_BYTES:]), parsed, None
            )
            said = _award(database, event)  # type: ignore[arg-type]
            if said is not None:
                producer.produce(ANNOUNCED, json.dumps(said).encode(), message.key())
                producer.flush()
            consumer.commit(message=message, asynchronous=False)
            records += 1
            message = _next(consumer)
        took_s = time.monotonic() - begun
        return {
            "records": records,
            "records_per_s": round(records / took_s),
            "usage": meter.read(),
        }


def _award(database: psycopg.Connection[Any], event: Mapping[str, Any]) -> dict[str, Any] | None:
    """One transaction; what to announce, None for a duplicate."""
    who = (event["merchant_id"], event["customer_id"])
    with database.transaction():
        if not database.execute(CLAIM, (who[0], event["event_id"])).rowcount:
            return None
        row = database.execute(ADD, (*who, event["points"])).fetchone()
        total = row[0] if row is not None else 0
        database.execute(ENTER, (*who, event["points"], event["event_id"]))
        held = {badge for (badge,) in database.execute(HELD, who)}
        earned = [each for each in THRESHOLDS if each <= total and each not in held]
        for badge in earned:
            database.execute(AWARD, (*who, badge))
    return {"event_id": event["event_id"], "customer_id": who[1], "exp": total, "badges": earned}


def _consumer(brokers: str) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"bench.naive.{time.time_ns()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([TOPIC])
    return consumer


def _next(consumer: Consumer) -> Message:
    message = consumer.poll(ASK_WITHIN_S)
    if message is None or message.error() is not None:
        raise Failed(f"the loop got no record: {message and message.error()}")
    return message


def rows(found: Mapping[str, Any]) -> list[Row]:
    times = found.get("drain_is_times_faster")
    ratio = "" if times is None else f"drain is {times} x"
    value = f"{found['records_per_s']:,} records/s"
    return [Row("per-event loop (baseline)", value, ratio, ">= 20 x")]


MEASUREMENT: Final = Measurement(
    name=NAME, about="one record at a time, as a baseline", measure=measure, rows=rows
)
