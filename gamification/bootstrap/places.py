"""Where Kafka, Redis and the registry are, from settings."""

from gamification.adapters.kafka.cluster import Cluster
from gamification.adapters.kafka.registry import TIMEOUT_S, Login, SchemaRegistry
from gamification.adapters.redis.connection import Address
from gamification.settings import Settings


def kafka_of(settings: Settings) -> Cluster:
    protocol: str = settings.kafka_security_protocol
    security = {"security.protocol": protocol}
    if protocol.startswith("SASL"):
        security |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_sasl_username,
            "sasl.password": settings.kafka_sasl_password.get_secret_value(),
        }
    files = {
        "ssl.ca.location": settings.kafka_ssl_ca,
        "ssl.certificate.location": settings.kafka_ssl_certificate,
        "ssl.key.location": settings.kafka_ssl_key,
    }
    security |= {name: path for name, path in files.items() if path}
    return Cluster(settings.kafka_broker, security)


def redis_of(settings: Settings) -> Address:
    return Address(
        settings.redis_host,
        settings.redis_port,
        settings.redis_cluster,
        username=settings.redis_username,
        password=settings.redis_password.get_secret_value(),
        tls=settings.redis_tls,
        ca_file=settings.redis_ca,
    )


def registry_of(settings: Settings, timeout_s: float = TIMEOUT_S) -> SchemaRegistry:
    login = Login(
        settings.schema_registry_username,
        settings.schema_registry_password.get_secret_value(),
        settings.schema_registry_ca,
    )
    return SchemaRegistry(settings.schema_registry_url, timeout_s, login=login)
