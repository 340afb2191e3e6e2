"""What is wrong only together: one setting that needs, or forbids, another one."""

from collections.abc import Iterator
from pathlib import Path

from gamification.settings.model import Settings


def contradictions(settings: Settings) -> Iterator[str]:
    """A line for each, that begins with the variable to change."""
    yield from _of_kafka(settings)
    if settings.redis_username and not settings.redis_password.get_secret_value():
        yield _needed("GAMIFICATION_REDIS_PASSWORD", "GAMIFICATION_REDIS_USERNAME")
    if settings.redis_ca and not settings.redis_tls:
        yield "GAMIFICATION_REDIS_CA: set, but not used; allowed: with GAMIFICATION_REDIS_TLS=true"
    if (
        settings.schema_registry_username
        and not settings.schema_registry_password.get_secret_value()
    ):
        yield _needed(
            "GAMIFICATION_SCHEMA_REGISTRY_PASSWORD", "GAMIFICATION_SCHEMA_REGISTRY_USERNAME"
        )
    for variable, path in (
        ("KAFKA_SSL_CA", settings.kafka_ssl_ca),
        ("KAFKA_SSL_CERTIFICATE", settings.kafka_ssl_certificate),
        ("KAFKA_SSL_KEY", settings.kafka_ssl_key),
        ("GAMIFICATION_REDIS_CA", settings.redis_ca),
        ("GAMIFICATION_SCHEMA_REGISTRY_CA", settings.schema_registry_ca),
    ):
        problem = _unreadable(path)
        if problem:
            yield f"{variable}: {path!r}: {problem}; allowed: a file that this process can read"


def _of_kafka(settings: Settings) -> Iterator[str]:
    protocol = settings.kafka_security_protocol
    how = f"KAFKA_SECURITY_PROTOCOL={protocol}"
    login = {
        "KAFKA_SASL_USERNAME": settings.kafka_sasl_username,
        "KAFKA_SASL_PASSWORD": settings.kafka_sasl_password.get_secret_value(),
    }
    files = {
        "KAFKA_SSL_CA": settings.kafka_ssl_ca,
        "KAFKA_SSL_CERTIFICATE": settings.kafka_ssl_certificate,
        "KAFKA_SSL_KEY": settings.kafka_ssl_key,
    }
    if protocol.startswith("SASL"):
        yield from (_needed(variable, how) for variable, value in login.items() if not value)
    else:
        # Somebody believes that we log in: connecting without would be a bad surprise.
        yield from (_unused(variable, how, "SASL") for variable, value in login.items() if value)
    if not protocol.endswith("SSL"):
        yield from (_unused(variable, how, "SSL") for variable, value in files.items() if value)
    if settings.kafka_ssl_key and not settings.kafka_ssl_certificate:
        yield _needed("KAFKA_SSL_CERTIFICATE", "KAFKA_SSL_KEY")
    if settings.kafka_ssl_certificate and not settings.kafka_ssl_key:
        yield _needed("KAFKA_SSL_KEY", "KAFKA_SSL_CERTIFICATE")


def _needed(variable: str, by: str) -> str:
    return f"{variable}: not set, but needed by {by}"


def _unused(variable: str, by: str, word: str) -> str:
    return f"{variable}: set, but not used by {by}; allowed: with a protocol that has {word}"


def _unreadable(path: str) -> str | None:
    if not path:
        return None
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
