"""The shape of a rulebook, checked by the JSON Schema that editors use too.

The schema is the one description of which words may stand where. Its `errorMessage` entries
are this project's own (editors that know the word show them as well).
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path as File
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from gamification.wire.rulebook.document import Value
from gamification.wire.rulebook.problems import Path, Report, listed, quoted

_SCHEMA_FILE: Final = File(__file__).parents[3] / "schemas" / "rulebook.schema.json"
_INCOMPLETE: Final = frozenset({"required", "dependentRequired", "oneOf", "anyOf"})
"""Keywords that speak of a mapping's words together, not of one value."""


@cache
def schema() -> Mapping[str, Any]:
    """The parsed JSON Schema (draft 2020-12) of a rulebook."""
    parsed: Mapping[str, Any] = json.loads(_SCHEMA_FILE.read_text("utf-8"))
    return parsed


def check_structure(document: Value, report: Report) -> None:
    """Report everything in `document` that the schema refuses."""
    for error in Draft202012Validator(schema()).iter_errors(document):
        if report.full:
            return
        path: Path = tuple(error.absolute_path)
        if "propertyNames" in error.absolute_schema_path:
            name = str(error.instance)
            report.key((*path, name), f"{_own_words(error)}; found {quoted(name)}")
        elif error.validator == "additionalProperties" and error.validator_value is False:
            _unknown_words(error, path, report)
        elif error.validator in _INCOMPLETE:
            if not _is_echo(error):
                report.incomplete(path, _incomplete(error))
        elif path not in report.spoilt:
            is_closed = error.validator == "not"
            here = "" if is_closed else f"; found {found(error.instance)}"
            report.value(path, _own_words(error) + here)


def _unknown_words(error: ValidationError, path: Path, report: Report) -> None:
    allowed = list(_mapping(error.schema)["properties"])
    for word in _mapping(error.instance):
        if word in allowed or (*path, word) in report.spoilt:
            continue
        hint = report.hint(word, allowed)
        report.key((*path, word), f"unknown word{hint}; allowed: {', '.join(allowed)}")


def _is_echo(error: ValidationError) -> bool:
    """Whether another mistake, reported too, is why this part seems incomplete."""
    if not isinstance(error.instance, dict):
        return True
    if error.validator not in {"oneOf", "anyOf"}:
        return False
    allowed = _mapping(error.schema).get("properties")
    return allowed is not None and any(word not in allowed for word in error.instance)


def _own_words(error: ValidationError) -> str:
    return str(_mapping(error.schema).get("errorMessage", "not allowed here"))


def _incomplete(error: ValidationError) -> str:
    rule: Any = error.validator_value
    words = _mapping(error.instance)
    if error.validator == "required":
        return f"{listed([word for word in rule if word not in words], 'and')} missing"
    if error.validator == "dependentRequired":
        lonely = [word for word in rule if word in words and set(rule[word]) - set(words)]
        return f"{lonely[0]} goes with {listed(rule[lonely[0]], 'and')} only"
    few = "exactly one of" if error.validator == "oneOf" else "at least one of"
    return f"needs {few} {listed([branch['required'][0] for branch in rule])}"


def found(value: object) -> str:
    """A few words for a value of the document."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        size = len(list(value))
        return f"a list of {size}" if size else "an empty list"
    return "a mapping" if value else "an empty mapping"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
