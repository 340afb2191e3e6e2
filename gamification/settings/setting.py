"""How a setting is written down: variable, unit, default, range and meaning; and its types."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr


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


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _dsn(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.startswith(("postgresql://", "postgres://")) and "=" not in text.split("://")[0]:
        raise ValueError("not a connection string")
    return value


Dsn = Annotated[SecretStr, AfterValidator(_dsn)]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Locales = Annotated[tuple[Locale, ...], BeforeValidator(_split), Field(min_length=1, max_length=50)]

_HOST: Final = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
HOST_PORT: Final = rf"{_HOST}:\d{{1,5}}"
"""To be put into a pattern; the others are whole ones."""
HOST: Final = rf"^{_HOST}$"
ADDRESS: Final = rf"^{HOST_PORT}$"
ADDRESSES: Final = rf"^{HOST_PORT}(,{HOST_PORT})*$"
NAME: Final = r"^[A-Za-z0-9._-]{1,200}$"
