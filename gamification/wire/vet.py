"""Decide once whether a writer's schema is safe to decode with, before any record is.

A schema is a small program that the decoder runs, and whoever can publish can choose it: one
that contains itself kills the process, an array of items without size turns seven bytes into
an endless loop. So a schema is not checked and then used; a plain copy is built from the few
parts that are allowed, and only the copy is used.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from gamification.domain.errors import Reason, Rejected

WriterSchema: TypeAlias = str
"""Avro schema as JSON text, as a registry hands it out."""

Schema: TypeAlias = str | dict[str, Any] | list[Any]
"""A plain schema: only types, names, fields, symbols, items and values."""

SCHEMA_BYTES_MAX: Final = 64 * 1024
DEPTH_MAX: Final = 8
NODES_MAX: Final = 200
"""Types, fields and symbols of one schema together."""
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}(\.[A-Za-z_][A-Za-z0-9_]{0,127}){0,16}")

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "string"})
LOGICAL_TYPES: Final = (("long", "timestamp-millis"), ("string", "uuid"))
"""Those whose plain value is what we read anyway; a timestamp in other units is not."""

BRANCHES: Final = 2
"""Of a union: null and one other."""


def vetted(writer: WriterSchema, ours: WriterSchema) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The writer's plain schema, and our fields that it does not know with their defaults.

    Raises Rejected(UNSAFE_SCHEMA) when it is not safe, or not readable as ours.
    """
    written, own = plain(writer), plain(ours)
    known = {field["name"] for field in written["fields"]}
    missing = {
        field["name"]: field["default"]
        for field in json.loads(ours)["fields"]
        if "default" in field and field["name"] not in known
    }
    own["fields"] = [field for field in own["fields"] if field["name"] not in missing]
    require_readable(written, own, "record")
    return written, missing


def plain(schema: WriterSchema) -> dict[str, Any]:
    """The schema's safe copy; always a record. Raises Rejected(UNSAFE_SCHEMA)."""
    if len(schema) > SCHEMA_BYTES_MAX:
        raise _unsafe(f"longer than {SCHEMA_BYTES_MAX} characters")
    try:
        node = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise _unsafe("not JSON, or nested too deeply") from error
    copy = _Copier().copy(node, "record", 0)
    if not isinstance(copy, dict) or copy["type"] != "record":
        raise _unsafe("not a record")
    return copy


def _unsafe(detail: str) -> Rejected:
    return Rejected(Reason.UNSAFE_SCHEMA, f"writer's schema: {detail}")


class _Copier:
    """Copies one schema; counts what it copies, and remembers the names that it defined."""

    def __init__(self) -> None:
        self._nodes = 0
        self._names: set[str] = set()

    def copy(self, node: Any, path: str, depth: int) -> Schema:
        if depth > DEPTH_MAX:
            raise _unsafe(f"{path}: nested deeper than {DEPTH_MAX}")
        self._count(1, path)
        if isinstance(node, list):
            return self._union(node, path, depth)
        if isinstance(node, dict):
            return self._described(node, path, depth)
        return _primitive(node, path)

    def _described(self, node: dict[str, Any], path: str, depth: int) -> Schema:
        match node.get("type"):
            case "record":
                return self._record(node, path, depth)
            case "enum":
                return self._enum(node, path)
            case "array":
                items = _item(self.copy(node.get("items"), f"{path}[]", depth + 1), path)
                return {"type": "array", "items": items}
            case "map":
                values = _item(self.copy(node.get("values"), f"{path}{{}}", depth + 1), path)
                return {"type": "map", "values": values}
            case name:
                logical = node.get("logicalType")
                if logical is not None and (name, logical) not in LOGICAL_TYPES:
                    raise _unsafe(f"{path}: a logical type that we do not use")
                return _primitive(name, path)

    def _count(self, nodes: int, path: str) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            raise _unsafe(f"{path}: more than {NODES_MAX} types, fields and symbols")

    def _name(self, node: dict[str, Any], path: str) -> str:
        name = node.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise _unsafe(f"{path}: a name that Avro does not allow")
        name = name.rpartition(".")[2]
        if name in self._names or name in PRIMITIVES:
            raise _unsafe(f"{path}: a name that is taken")
        self._names.add(name)
        return name

    def _record(self, node: dict[str, Any], path: str, depth: int) -> Schema:
        name = self._name(node, path)
        fields = node.get("fields")
        if not isinstance(fields, list):
            raise _unsafe(f"{path}: a record without fields")
        self._count(len(fields), path)
        copies: dict[str, Schema] = {}
        for field in fields:
            field_name = field.get("name") if isinstance(field, dict) else None
            if not isinstance(field_name, str) or not NAME.fullmatch(field_name):
                raise _unsafe(f"{path}: a field's name that Avro does not allow")
            if field_name in copies:
                raise _unsafe(f"{path}: {field_name} twice")
            copies[field_name] = self.copy(field.get("type"), field_name, depth + 1)
        return {
            "type": "record",
            "name": name,
            "fields": [{"name": n, "type": copy} for n, copy in copies.items()],
        }

    def _enum(self, node: dict[str, Any], path: str) -> Schema:
        name = self._name(node, path)
        symbols = node.get("symbols")
        if not isinstance(symbols, list) or not symbols:
            raise _unsafe(f"{path}: an enum without symbols")
        self._count(len(symbols), path)
        if not all(isinstance(s, str) and NAME.fullmatch(s) and "." not in s for s in symbols):
            raise _unsafe(f"{path}: a symbol that Avro does not allow")
        if len(set(symbols)) != len(symbols):
            raise _unsafe(f"{path}: a symbol twice")
        return {"type": "enum", "name": name, "symbols": symbols}

    def _union(self, node: list[Any], path: str, depth: int) -> Schema:
        branches = [self.copy(branch, path, depth + 1) for branch in node]
        if len(branches) != BRANCHES or branches.count("null") != 1:
            raise _unsafe(f"{path}: a union of other than null and one type")
        if any(isinstance(branch, list) for branch in branches):
            raise _unsafe(f"{path}: a union in a union")
        return branches


def _primitive(name: Any, path: str) -> Schema:
    if not isinstance(name, str) or name not in PRIMITIVES:
        # A name defined before, too: each use of one type may then be written out at most once,
        # which rules out recursion and schemas that double with every line.
        raise _unsafe(f"{path}: a type that we do not use, or one used by its name")
    return str(name)


def _item(schema: Schema, path: str) -> Schema:
    """Refuse items that take no bytes: a few bytes could announce billions of them.

    And items that hold items: the work for one record would be their product.
    """
    parts = list(_parts(schema))
    if all(part == "null" for part in parts):
        raise _unsafe(f"{path}: items that take no bytes")
    if any(isinstance(part, dict) and part["type"] in {"array", "map"} for part in parts):
        raise _unsafe(f"{path}: an array or map in an array or map")
    return schema


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schema's leaves: what is neither a record nor a union, through both."""
    if isinstance(schema, list):
        # Its index takes a byte, whatever follows.
        yield schema
        for branch in schema:
            yield from _parts(branch)
    elif isinstance(schema, dict) and schema["type"] == "record":
        for field in schema["fields"]:
            yield from _parts(field["type"])
    else:
        yield schema


def require_readable(written: Schema, ours: Schema, path: str) -> None:
    """Refuse a writer whose every value is not one of ours. Raises Rejected(UNSAFE_SCHEMA).

    Stricter than Avro, which lets a writer's null fail record by record: what passes here needs
    no resolution when it is read.
    """
    if isinstance(ours, list):
        branches = written if isinstance(written, list) else [written]
        for branch in branches:
            if branch != "null":
                require_readable(branch, next(b for b in ours if b != "null"), path)
    elif isinstance(ours, dict) and isinstance(written, dict) and written["type"] == ours["type"]:
        _require_readable_parts(written, ours, path)
    elif not isinstance(written, str) or (written != ours and (written, ours) != ("int", "long")):
        raise _unsafe(f"{path}: not readable as {ours if isinstance(ours, str) else ours['type']}")


def _require_readable_parts(written: dict[str, Any], ours: dict[str, Any], path: str) -> None:
    match ours["type"]:
        case "map":
            require_readable(written["values"], ours["values"], path)
        case "array":
            require_readable(written["items"], ours["items"], path)
        case "enum":
            if not set(written["symbols"]) <= set(ours["symbols"]):
                raise _unsafe(f"{path}: symbols that we do not know")
        case _:
            if written["name"] != ours["name"]:
                raise _unsafe(f"{path}: named other than {ours['name']}")
            types = {field["name"]: field["type"] for field in written["fields"]}
            for field in ours["fields"]:
                if field["name"] in types:
                    require_readable(types[field["name"]], field["type"], field["name"])
                else:
                    raise _unsafe(f"{field['name']}: missing")
