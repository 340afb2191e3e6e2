"""The form of an archived object: gzip of JSON Lines, one audit row a line.

The same rows in the same order give the same bytes, so that writing an object a second time after
a crash changes nothing.
"""

import hashlib
import zlib
from datetime import date, datetime
from io import BytesIO
from typing import Any, Final, NamedTuple

import orjson

from gamification.domain.ids import MerchantId, uuid_text

GZIP: Final = 31
"""zlib's word for: gzip header, largest window. The header it writes holds no time."""
LEVEL: Final = 6
DAY: Final = "%Y/%m/%d"
"""How a key tells the UTC day of its rows."""


class Row(NamedTuple):
    """One row of audit_logs."""

    id: bytes
    actor: str
    action: str
    subject: str
    outcome: str
    details: str
    """JSON as Postgres writes it."""
    created_at: datetime
    """UTC."""


class Packed(NamedTuple):
    """An object, ready to be stored."""

    body: bytes
    rows: int
    sha256: str
    """Of `body`, lower-case hex."""


class Damaged(Exception):
    """These bytes are not an archived object."""


class Packer:
    """Compresses as rows come, so that only the result is held in memory."""

    def __init__(self, merchant_id: MerchantId) -> None:
        self._merchant = uuid_text(merchant_id)
        self._gzip = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        self._made: list[bytes] = []
        self.rows = 0
        self.bytes = 0
        """Of the lines before they are compressed."""

    def add(self, row: Row) -> None:
        line = orjson.dumps(
            {
                "merchant_id": self._merchant,
                "id": uuid_text(row.id),
                "created_at": row.created_at,
                "actor": row.actor,
                "action": row.action,
                "subject": row.subject,
                "outcome": row.outcome,
                "details": orjson.Fragment(row.details),
            },
            option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z,
        )
        self.rows += 1
        self.bytes += len(line)
        self._made.append(self._gzip.compress(line))

    def done(self) -> Packed:
        body = b"".join((*self._made, self._gzip.flush()))
        return Packed(body, self.rows, hashlib.sha256(body).hexdigest())


def ids(body: bytes, bytes_max: int) -> list[bytes]:
    """The ids of an object's rows, in its order. `bytes_max` bounds what it may unpack to.

    Raises Damaged.
    """
    unpack = zlib.decompressobj(GZIP)
    try:
        text = unpack.decompress(body, bytes_max)
        if not unpack.eof:
            raise Damaged("it is cut off, or larger than any that was written")
        return [_id(line) for line in BytesIO(text)]
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"it cannot be read ({type(error).__name__})") from error


def _id(line: bytes) -> bytes:
    row: Any = orjson.loads(line)
    return bytes.fromhex(row["id"].replace("-", ""))


def folder_of(prefix: str, merchant_id: MerchantId) -> str:
    """What the keys of all objects of one merchant begin with; no other merchant's do."""
    return f"{prefix}/{uuid_text(merchant_id)}/"


def key_of(prefix: str, merchant_id: MerchantId, day: date, part: int) -> str:
    """`<prefix>/<merchant>/2026/01/31.jsonl.gz`; part 2 of a day ends with `31-0002.jsonl.gz`."""
    more = "" if part == 1 else f"-{part:04d}"
    return f"{folder_of(prefix, merchant_id)}{day.strftime(DAY)}{more}.jsonl.gz"
