"""Environment variables into Settings, with one line for each variable that is wrong.

A variable that is empty counts as not set. A secret can also be given as a file's path in
`<VARIABLE>_FILE`. The mapping is an argument of `load`, and problems are told by variable, all at
once: that takes little on plain pydantic, and a settings library on top does neither.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import annotated_types
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from gamification.settings.contradictions import contradictions
from gamification.settings.model import Settings

PREFIX: Final = "GAMIFICATION_"
FILE_SUFFIX: Final = "_FILE"
SECRET_BYTES_MAX: Final = 64 * 1024


class SettingsError(Exception):
    """The environment cannot be used. `problems` has one line for each wrong variable."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting as people see it."""

    name: str
    attribute: str
    unit: str
    default: str
    allowed: str
    meaning: str
    secret: bool


def variables() -> tuple[Variable, ...]:
    """Every variable, in the order of `Settings`."""
    return tuple(_variable(name, field) for name, field in Settings.model_fields.items())


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read `environ` (the process's own by default).

    Raises SettingsError with one line for each variable that is wrong. No line holds a secret.
    """
    given = os.environ if environ is None else environ
    values: dict[str, str] = {}
    problems: list[str] = []
    for variable in variables():
        try:
            value = _value(variable, given)
        except SettingsError as error:
            problems.extend(error.problems)
            continue
        if value is not None:
            values[variable.name] = value
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems.extend(_told(error, values))
        raise SettingsError(tuple(problems)) from None
    problems.extend(contradictions(settings))
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def misspelled(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Lines about variables with our prefix that nobody reads but that look like one of ours.

    A warning only: Kubernetes puts variables named after its services into every container.
    """
    given = os.environ if environ is None else environ
    known = [variable.name for variable in variables()]
    secret = [variable.name + FILE_SUFFIX for variable in variables() if variable.secret]
    lines = []
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known and name not in secret:
            near = difflib.get_close_matches(name, known + secret, n=1, cutoff=0.9)
            if near:
                lines.append(f"{name} is not a setting; {near[0]} is")
    return tuple(lines)


def _variable(attribute: str, field: FieldInfo) -> Variable:
    extra = field.json_schema_extra
    words = extra if isinstance(extra, dict) else {}
    secret = field.annotation is SecretStr
    default: Any = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, tuple):
        default = ",".join(default)
    if isinstance(default, bool):
        default = str(default).lower()
    return Variable(
        name=field.alias or attribute,
        attribute=attribute,
        unit=str(words.get("unit", "")),
        default="" if default is None else str(default),
        allowed=str(words.get("allowed") or "") or _allowed(field),
        meaning=(field.description or "")
        + (f" Or the path of a file that holds it, in {field.alias}_FILE." if secret else ""),
        secret=secret,
    )


def _allowed(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "true or false"
    choices = getattr(field.annotation, "__args__", ())
    words = [choice for choice in choices if isinstance(choice, str)]
    if words:
        return f"{', '.join(words[:-1])} or {words[-1]}"
    least = next((m.ge for m in field.metadata if isinstance(m, annotated_types.Ge)), "")
    most = next((m.le for m in field.metadata if isinstance(m, annotated_types.Le)), "")
    return f"a whole number from {least} to {most}"


def _value(variable: Variable, given: Mapping[str, str]) -> str | None:
    value = given.get(variable.name) or None
    path = given.get(variable.name + FILE_SUFFIX) or None if variable.secret else None
    if path is None:
        return value
    if value is not None:
        raise SettingsError(
            (f"{variable.name}: also set by {variable.name}{FILE_SUFFIX}; allowed: one of them",)
        )
    file_variable = variable.name + FILE_SUFFIX
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(SECRET_BYTES_MAX).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        problem = f"{file_variable}: cannot read {path!r} ({why}); allowed: a readable file"
        raise SettingsError((problem,)) from None
    if not text:
        raise SettingsError((f"{file_variable}: {path!r} is empty; allowed: {variable.allowed}",))
    return text


def _told(error: ValidationError, values: Mapping[str, str]) -> Iterator[str]:
    by_name = {variable.name: variable for variable in variables()}
    for name in dict.fromkeys(str(problem["loc"][0]) for problem in error.errors()):
        variable = by_name[name]
        shown = "the value (hidden)" if variable.secret else repr(_short(values.get(name, "")))
        unit = f" {variable.unit}" if variable.unit not in {"", "port"} else ""
        yield f"{name}: {shown} is not allowed; allowed: {variable.allowed}{unit}"


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:80]
