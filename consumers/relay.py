"""Process: Postgres' outbox -> Kafka. `python -m consumers.relay`."""

import sys

from consumers.lane_thread import run_lanes
from consumers.process import Process, run
from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.probe import KafkaProbe
from gamification.adapters.kafka.registry import SchemaRegistry
from gamification.adapters.kafka.topics import PRODUCED
from gamification.application.relay import Relay
from gamification.application.relay_lanes import LANES, PROMPT, Ends, Lane, Limits
from gamification.application.relay_schemas import SchemaPrefixes
from gamification.bootstrap.places import kafka_of, registry_of


def main(process: Process) -> None:
    """Publish until asked to stop, each lane in a thread; a second process stands by."""
    process.readiness("kafka", KafkaProbe(kafka_of(process.settings)).check)
    registry = registry_of(process.settings)
    try:
        run_lanes(process, {lane.name: _relay(process, registry, lane) for lane in LANES})
    finally:
        registry.close()


def _relay(process: Process, registry: SchemaRegistry, lane: Lane) -> Relay:
    settings = process.settings
    versions = {t: texts for t, texts in schema_files.history().items() if t in PRODUCED}
    relay = Relay(
        Ends(settings.postgres_dsn.get_secret_value(), kafka_of(settings)),
        SchemaPrefixes(registry.id_of, versions),
        process.stop,
        lane=lane,
        limits=Limits(
            rows_max=settings.relay_batch_rows_max,
            gather_s=0 if lane is PROMPT else settings.relay_gather_ms / 1000,
            keep_hours=settings.outbox_keep_hours,
        ),
    )
    process.readiness(f"relay_{lane.name}", relay.check)
    return relay


if __name__ == "__main__":
    sys.exit(run("relay", main))
