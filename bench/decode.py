"""How fast records of each topic are decoded and checked: `python -m bench.decode`.

Beside each figure stands what fastavro's reader alone takes for the same bytes, without any
check: the ratio says what strictness, checks and the content's hash cost.
"""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader

from bench.workload import WriterSchemas, generate
from gamification.adapters.kafka import schema_files
from gamification.domain.activity import Kind
from gamification.wire.decode import Decoder
from gamification.wire.encode import Stamp, badge_awarded
from gamification.wire.envelope import Record

NOW_MS: Final = 1_795_000_000_000
EVENTS: Final = 10_000
RECORDS_EACH: Final = 1_000
TRACE: Final = (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)
ROUNDS: Final = 20
"""The fastest counts: the others were disturbed."""


def run() -> dict[str, Any]:
    """Measure, print a table, and return the same figures for a JSON file."""
    schemas = schema_files.current()
    texts = {number: schemas[kind] for number, kind in enumerate(Kind, start=1)}
    decoder = Decoder(texts.__getitem__, readers=schemas, now_ms=lambda: NOW_MS)
    topics: dict[str, dict[str, float]] = {}
    for kind, records in _records().items():
        assert all(one.activity for one in decoder.decode_all(records))  # noqa: S101
        whole_s = _fastest(partial(decoder.decode_all, records))
        alone_s = _fastest(_fastavro_alone(schemas[kind], records))
        topics[kind] = {
            "events_per_s": round(len(records) / whole_s),
            "us_per_event": round(whole_s / len(records) * 1e6, 2),
            "fastavro_alone_us": round(alone_s / len(records) * 1e6, 2),
            "ratio_to_fastavro_alone": round(whole_s / alone_s, 2),
        }
    encoded_s = _fastest(_encode)
    result = {
        "decode": topics,
        "encode": {"badge.awarded": {"us_per_record": round(encoded_s / RECORDS_EACH * 1e6, 2)}},
    }
    _print(result)
    return result


def _records() -> dict[Kind, list[Record]]:
    """Good records of each topic, as the workload's upstream services write them."""
    writer = WriterSchemas.without_registry()
    records: dict[Kind, list[Record]] = {kind: [] for kind in Kind}
    for offset, delivery in enumerate(generate(seed=1, events=EVENTS, until_ms=NOW_MS).main()):
        if delivery.activity is None or len(records[delivery.activity.kind]) >= RECORDS_EACH:
            continue
        value = writer.encode(delivery.schema, delivery.datum)
        records[delivery.activity.kind].append(
            Record(delivery.topic, 0, offset, delivery.timestamp_ms, delivery.key, value, TRACE)
        )
    return records


def _fastavro_alone(schema: str, records: Sequence[Record]) -> Callable[[], None]:
    """Times are read as plain numbers here, too: as dates they take fastavro twice as long."""
    document = json.loads(schema)
    for field in document["fields"]:
        if field["name"] == "occurred_at":
            field["type"] = ["null", "long"]
    parsed = parse_schema(document)
    bodies = [(record.value or b"")[5:] for record in records]

    def read() -> None:
        for body in bodies:
            schemaless_reader(BytesIO(body), parsed, None)

    return read


def _encode() -> None:
    for number in range(RECORDS_EACH):
        customer = f"6f0c1d2e-3a4b-4c5d-8e6f-{number:012d}"
        stamp = Stamp("11111111-2222-4333-8444-555566667777", customer, NOW_MS)
        badge_awarded(stamp, "collector.gold", "pt-BR")


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of CPU of the fastest of some rounds; decoding waits for nothing."""
    best_s = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        best_s = min(best_s, time.process_time() - started)
    return best_s


def _print(result: dict[str, Any]) -> None:
    print(f"{'topic':<20}{'events/s':>12}{'us/event':>12}{'fastavro us':>14}{'ratio':>8}")
    for topic, row in result["decode"].items():
        print(
            f"{topic:<20}{row['events_per_s']:>12,}{row['us_per_event']:>12}"
            f"{row['fastavro_alone_us']:>14}{row['ratio_to_fastavro_alone']:>8}"
        )
    print(f"one badge.awarded, id and all: {result['encode']['badge.awarded']['us_per_record']} us")


if __name__ == "__main__":
    run()
