"""How one setting is defined, for all modules that define some."""

from typing import Any

from pydantic import Field


def setting(  # noqa: PLR0913 - one argument for each thing that a person wants to know
    variable: str,
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    allowed: str = "",
    at_least: int | None = None,
    at_most: int | None = None,
    pattern: str | None = None,
) -> Any:
    """A field. `allowed` says in words what `at_least`, `at_most` or the type do not."""
    return Field(
        default=default,
        alias=variable,
        description=meaning,
        ge=at_least,
        le=at_most,
        pattern=pattern,
        json_schema_extra={"unit": unit, "allowed": allowed},
    )
