"""Process: Postgres' outbox -> Kafka. `python -m consumers.relay`."""

import sys
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Final

from consumers.process import Process, run
from consumers.retry import retry_while_unavailable
from gamification.adapters.kafka import schema_files
from gamification.adapters.kafka.probe import KafkaProbe
from gamification.adapters.kafka.registry import SchemaRegistry
from gamification.adapters.kafka.topics import PRODUCED
from gamification.application.relay import Relay
from gamification.application.relay_lanes import LANES, PROMPT, Ends, Lane, Limits
from gamification.application.relay_schemas import SchemaPrefixes

LOOK_EVERY_S: Final = 1.0


def main(process: Process) -> None:
    """Publish until asked to stop, each lane in a thread; a second process stands by."""
    process.readiness("kafka", KafkaProbe(process.settings.kafka_broker).check)
    registry = SchemaRegistry(process.settings.schema_registry_url)
    with ThreadPoolExecutor(len(LANES), thread_name_prefix="relay") as threads:
        turning = {
            threads.submit(_turn, process, _relay(process, registry, lane), lane) for lane in LANES
        }
        try:
            _watch(process, turning)
        finally:
            process.stop.set()  # one lane that stopped itself ends the others
    registry.close()


def _relay(process: Process, registry: SchemaRegistry, lane: Lane) -> Relay:
    settings = process.settings
    versions = {t: texts for t, texts in schema_files.history().items() if t in PRODUCED}
    relay = Relay(
        Ends(settings.postgres_dsn.get_secret_value(), settings.kafka_broker),
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


def _turn(process: Process, relay: Relay, lane: Lane) -> None:
    # Only the main thread looks for garbage.
    of_lane = replace(process, collector=None)
    try:
        retry_while_unavailable(of_lane, relay.turn, recover=relay.recover, loop=lane.name)
    finally:
        relay.recover()


def _watch(process: Process, turning: set[Future[None]]) -> None:
    """Until all are done; raise what the first one that failed raised."""
    while turning:
        done, turning = wait(turning, LOOK_EVERY_S, FIRST_EXCEPTION)
        for lane in done:
            lane.result()
        process.between_turns()


if __name__ == "__main__":
    sys.exit(run("relay", main))
