"""Decodes what was published, with the schema that the registry has under the record's id."""

import json
import urllib.request
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader

HEADER: Final = 5
ASK_WITHIN_S: Final = 5


class Published:
    """A registry's schemas, each asked for once."""

    def __init__(self, registry_url: str) -> None:
        self._url = registry_url.rstrip("/")
        self._schemas: dict[bytes, Any] = {}

    def decode(self, value: bytes) -> dict[str, Any]:
        """All fields. Raises AssertionError for bytes that are not exactly one framed record."""
        assert value[:1] == b"\0", "no schema header"
        schema = self._schemas.get(value[:HEADER])
        if schema is None:
            number = int.from_bytes(value[1:HEADER])
            with urllib.request.urlopen(  # noqa: S310  # the address is the test's own registry
                f"{self._url}/schemas/ids/{number}", timeout=ASK_WITHIN_S
            ) as answer:
                schema = parse_schema(json.loads(json.load(answer)["schema"]))
            self._schemas[value[:HEADER]] = schema
        body = BytesIO(value)
        body.seek(HEADER)
        record = schemaless_reader(body, schema, None)
        assert body.tell() == len(value), "bytes after the record"
        assert isinstance(record, dict)
        return record
