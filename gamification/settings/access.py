"""Settings of who we are to Kafka, Redis and the registry, and how we know that it is them."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, SecretStr

from gamification.settings.setting import setting

USER: Final = r"^[!-~]{0,200}$"
FILE: Final = r"^[^\x00]{0,4096}$"


def _password(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable():
        raise ValueError("control characters in it")
    return value


Password = Annotated[SecretStr, AfterValidator(_password)]


class AccessSettings(BaseModel):
    """A part of Settings. By default nobody asks who we are, and nothing is encrypted."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "KAFKA_SECURITY_PROTOCOL",
        "PLAINTEXT",
        "How brokers are spoken to: encrypted with SSL, logged in to with SASL.",
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", "How to log in to Kafka, where SASL is on."
    )
    kafka_sasl_username: str = setting(
        "KAFKA_SASL_USERNAME",
        "",
        "User at Kafka, where SASL is on.",
        allowed="visible ASCII characters",
        pattern=USER,
    )
    kafka_sasl_password: Password = setting(
        "KAFKA_SASL_PASSWORD",
        SecretStr(""),
        "That user's password.",
        allowed="no control characters",
    )
    kafka_ssl_ca: str = setting(
        "KAFKA_SSL_CA",
        "",
        "PEM file of those who may have signed the brokers' certificates, where SSL is on. Not "
        "set: the machine's own.",
        allowed="a file's path, or nothing",
        pattern=FILE,
    )
    kafka_ssl_certificate: str = setting(
        "KAFKA_SSL_CERTIFICATE",
        "",
        "PEM file of our certificate, where brokers ask for one.",
        allowed="a file's path, or nothing",
        pattern=FILE,
    )
    kafka_ssl_key: str = setting(
        "KAFKA_SSL_KEY",
        "",
        "PEM file of the key that belongs to that certificate.",
        allowed="a file's path, or nothing",
        pattern=FILE,
    )
    redis_username: str = setting(
        "GAMIFICATION_REDIS_USERNAME",
        "",
        "User at Redis. Not set: Redis' default user.",
        allowed="visible ASCII characters",
        pattern=USER,
    )
    redis_password: Password = setting(
        "GAMIFICATION_REDIS_PASSWORD",
        SecretStr(""),
        "That user's password. Not set: Redis asks for none.",
        allowed="no control characters",
    )
    redis_tls: bool = setting(
        "GAMIFICATION_REDIS_TLS", default=False, meaning="Redis is spoken to by TLS."
    )
    redis_ca: str = setting(
        "GAMIFICATION_REDIS_CA",
        "",
        "PEM file of those who may have signed Redis' certificate. Not set: the machine's own.",
        allowed="a file's path, or nothing",
        pattern=FILE,
    )
    schema_registry_username: str = setting(
        "GAMIFICATION_SCHEMA_REGISTRY_USERNAME",
        "",
        "User at the schema registry (HTTP basic authentication). Not set: it asks for none.",
        allowed="visible ASCII characters",
        pattern=USER,
    )
    schema_registry_password: Password = setting(
        "GAMIFICATION_SCHEMA_REGISTRY_PASSWORD",
        SecretStr(""),
        "That user's password.",
        allowed="no control characters",
    )
    schema_registry_ca: str = setting(
        "GAMIFICATION_SCHEMA_REGISTRY_CA",
        "",
        "PEM file of those who may have signed the registry's certificate. Not set: those that "
        "Python knows.",
        allowed="a file's path, or nothing",
        pattern=FILE,
    )
