"""Read Avro bodies strictly: every byte accounted for, and a bound on the work per record.

A general Avro reader forgives: it takes index -1 of an enum or a union for the last one, lets
a number of a thousand bytes wrap around, and spends half a second on a megabyte of empty map
entries. This one refuses all of it, and is a quarter faster besides, because a vetted schema
needs so little. A property test holds it against fastavro for everything that is well formed.

A reader takes the value and a place in it, and returns what it read and the place after it.
Reading past the end is found late but surely: as an IndexError, or because the last place is
not the end of the value.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from gamification.domain.errors import Reason, Rejected
from gamification.wire.vet import Schema, WriterSchema, vetted

HEADER_BYTES: Final = 5
"""Before each body: a zero, then the schema's id in 4 bytes, big endian."""
ITEMS_MAX: Final = 1_000
"""Of one array or map. Vetting rules out one inside another."""

Reader: TypeAlias = Callable[[bytes, int], tuple[Any, int]]

MORE: Final = 0x80
"""Set in each byte of a number but its last."""
LONG_BYTES_MAX: Final = 10
INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1
INT64_BITS: Final = 64
FLOAT: Final = struct.Struct("<f")
DOUBLE: Final = struct.Struct("<d")


class Malformed(Exception):
    """These bytes are not a value of this schema."""


class Reading(NamedTuple):
    """How to read what one writer wrote on one topic."""

    fields: tuple[tuple[str, Reader], ...]
    missing: Mapping[str, Any]
    """Our fields that the writer does not know, with their defaults."""


def reading(writer: WriterSchema, ours: WriterSchema) -> Reading:
    """How to read records of `writer` as ours. Raises Rejected(UNSAFE_SCHEMA)."""
    schema, missing = vetted(writer, ours)
    return Reading(tuple((f["name"], reader_of(f["type"])) for f in schema["fields"]), missing)


def read_record(value: bytes, how: Reading) -> dict[str, Any]:
    """Fields by name, of a value with its header. Raises Rejected(MALFORMED)."""
    place = HEADER_BYTES
    fields = {}
    try:
        for name, reader in how.fields:
            fields[name], place = reader(value, place)
    except (IndexError, UnicodeDecodeError, Malformed, struct.error) as error:
        said = "value: cut short" if isinstance(error, IndexError) else "value: not of its schema"
        raise Rejected(Reason.MALFORMED, said) from error
    if place != len(value):
        said = "bytes after the record" if place < len(value) else "cut short"
        raise Rejected(Reason.MALFORMED, f"value: {said}")
    if how.missing:
        fields.update(how.missing)
    return fields


def without_text(value: bytes, how: Reading, name: str) -> bytes:
    """The same record with one of its strings made empty; `value` was read before."""
    place = HEADER_BYTES
    for field, reader in how.fields:
        _, end = reader(value, place)
        if field == name:
            return value[:place] + b"\0" + value[end:]
        place = end
    raise KeyError(name)


def reader_of(schema: Schema) -> Reader:
    """The reader for a vetted schema."""
    if isinstance(schema, str):
        return PRIMITIVES[schema]
    if isinstance(schema, list):
        null_first = schema[0] == "null"
        return _optional(reader_of(schema[null_first]), 0 if null_first else 2)
    match schema["type"]:
        case "record":
            return _record(tuple((f["name"], reader_of(f["type"])) for f in schema["fields"]))
        case "enum":
            return _enum(tuple(schema["symbols"]))
        case "array":
            return _array(reader_of(schema["items"]))
        case _:
            return _map(reader_of(schema["values"]))


def read_long(value: bytes, place: int) -> tuple[int, int]:
    first = value[place]
    if first < MORE:
        return (first >> 1) ^ -(first & 1), place + 1
    number = first & 0x7F
    shift = 7
    for byte in value[place + 1 : place + LONG_BYTES_MAX]:
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < MORE:
            if number >> INT64_BITS:
                raise Malformed
            return (number >> 1) ^ -(number & 1), place + 1
        shift += 7
    raise Malformed


def read_int(value: bytes, place: int) -> tuple[int, int]:
    number, place = read_long(value, place)
    if not INT32_MIN <= number <= INT32_MAX:
        raise Malformed
    return number, place


def read_string(value: bytes, place: int) -> tuple[str, int]:
    size = value[place]
    if size & 0x81:  # longer than 63 bytes, or negative
        size, place = read_long(value, place)
        if size < 0:
            raise Malformed
    else:
        size >>= 1
        place += 1
    end = place + size
    return value[place:end].decode(), end


def _null(_value: bytes, place: int) -> tuple[None, int]:
    return None, place


def _boolean(value: bytes, place: int) -> tuple[bool, int]:
    if value[place] > 1:
        raise Malformed
    return value[place] == 1, place + 1


def _float(value: bytes, place: int) -> tuple[float, int]:
    end = place + FLOAT.size
    return FLOAT.unpack(value[place:end])[0], end


def _double(value: bytes, place: int) -> tuple[float, int]:
    end = place + DOUBLE.size
    return DOUBLE.unpack(value[place:end])[0], end


PRIMITIVES: Final[Mapping[str, Reader]] = {
    "null": _null,
    "boolean": _boolean,
    "int": read_int,
    "long": read_long,
    "float": _float,
    "double": _double,
    "string": read_string,
}


def _optional(inner: Reader, null: int) -> Reader:
    """A union of null and one other; `null` is the byte that says so, 0 or 2."""
    other = 2 - null

    def read(value: bytes, place: int) -> tuple[Any, int]:
        branch = value[place]
        if branch == null:
            return None, place + 1
        if branch == other:
            return inner(value, place + 1)
        raise Malformed

    return read


def _record(fields: tuple[tuple[str, Reader], ...]) -> Reader:
    def read(value: bytes, place: int) -> tuple[Any, int]:
        record = {}
        for name, reader in fields:
            record[name], place = reader(value, place)
        return record, place

    return read


def _enum(symbols: tuple[str, ...]) -> Reader:
    def read(value: bytes, place: int) -> tuple[Any, int]:
        index, place = read_long(value, place)
        if not 0 <= index < len(symbols):
            raise Malformed
        return symbols[index], place

    return read


def _array(item: Reader) -> Reader:
    def read(value: bytes, place: int) -> tuple[Any, int]:
        items: list[Any] = []
        count, place = _block(value, place, 0)
        while count:
            for _ in range(count):
                one, place = item(value, place)
                items.append(one)
            count, place = _block(value, place, len(items))
        return items, place

    return read


def _map(item: Reader) -> Reader:
    def read(value: bytes, place: int) -> tuple[Any, int]:
        items: dict[str, Any] = {}
        seen = 0
        count, place = _block(value, place, seen)
        while count:
            seen += count
            for _ in range(count):
                key, place = read_string(value, place)
                items[key], place = item(value, place)
            count, place = _block(value, place, seen)
        return items, place

    return read


def _block(value: bytes, place: int, seen: int) -> tuple[int, int]:
    """How many items follow; a negative number says that their size in bytes follows first."""
    count, place = read_long(value, place)
    if count < 0:
        count = -count
        size, place = read_long(value, place)
        if size < 0:
            raise Malformed
    if seen + count > ITEMS_MAX:
        raise Malformed
    return count, place
