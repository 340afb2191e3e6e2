"""Process: Postgres' outbox -> Kafka. `python -m consumers.relay`."""

import sys

from consumers.process import Process, run
from consumers.retry import retry_while_unavailable
from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.probe import KafkaProbe
from gamification.adapters.kafka.registry import SchemaRegistry
from gamification.adapters.kafka.topics import PRODUCED
from gamification.application.relay import Ends, Limits, Relay
from gamification.application.relay_schemas import SchemaPrefixes


def main(process: Process) -> None:
    """Publish until asked to stop; a second process stands by."""
    settings = process.settings
    registry = SchemaRegistry(settings.schema_registry_url)
    versions = {t: texts for t, texts in schema_files.history().items() if t in PRODUCED}
    relay = Relay(
        Ends(settings.postgres_dsn.get_secret_value(), settings.kafka_broker),
        SchemaPrefixes(registry.id_of, versions),
        process.stop,
        limits=Limits(
            rows_max=settings.relay_batch_rows_max, keep_hours=settings.outbox_keep_hours
        ),
    )
    process.readiness("relay", relay.check)
    process.readiness("kafka", KafkaProbe(settings.kafka_broker).check)
    try:
        retry_while_unavailable(process, relay.turn, recover=relay.recover)
    finally:
        relay.recover()
        registry.close()


if __name__ == "__main__":
    sys.exit(run("relay", main))
