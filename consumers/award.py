"""Process: activities from Kafka -> awards in Postgres. `python -m consumers.award`."""

import sys

from consumers.process import Process, run
from consumers.retry import retry_while_unavailable
from gamification.adapters.kafka.probe import KafkaProbe
from gamification.bootstrap.award import AwardWorker, require_migrated
from gamification.bootstrap.places import kafka_of


def main(process: Process) -> None:
    """Award until asked to stop. Start more of these to share the partitions."""
    settings = process.settings
    dsn = settings.postgres_dsn.get_secret_value()
    process.readiness("database", lambda: require_migrated(dsn))
    process.readiness("kafka", KafkaProbe(kafka_of(settings)).check)
    worker = AwardWorker(settings)
    try:
        retry_while_unavailable(process, worker.turn, recover=worker.recover)
    finally:
        worker.close()


if __name__ == "__main__":
    sys.exit(run("award", main))
