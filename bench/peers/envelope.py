"""What a peer in Python takes from a record of `points.earned`. Runs in the peers' environments.

They have fastavro, as the engine has, and nothing else of ours.
"""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

from fastavro import parse_schema, schemaless_reader

THRESHOLDS: Final = (100, 500, 1000)
HEADER_BYTES: Final = 5
"""Confluent's envelope: a zero and the schema's id."""

Read = Callable[[bytes], tuple[bytes, int]]
"""Event id (16 bytes) and points of a record's value."""


def reader(schema: str) -> Read:
    """For the schema in this file."""
    parsed = parse_schema(json.loads(Path(schema).read_text()))

    def read(value: bytes) -> tuple[bytes, int]:
        body = BytesIO(value)
        body.seek(HEADER_BYTES)
        event = schemaless_reader(body, parsed, None)
        return bytes.fromhex(event["event_id"].replace("-", "")), event["points"]  # type: ignore[call-overload,index,return-value]

    return read


def badges(customer: str, before: int, after: int) -> list[bytes]:
    """Values of the records that say which thresholds lie between."""
    return [
        f'{{"customer_id":"{customer}","badge":{threshold}}}'.encode()
        for threshold in THRESHOLDS
        if before < threshold <= after
    ]
