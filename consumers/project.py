"""Process: Postgres' changes -> Redis' leaderboards. `python -m consumers.project`."""

import sys

from consumers.process import Process, run
from consumers.retry import retry_while_unavailable
from gamification.application.project import Ends, Limits, Projection
from gamification.bootstrap.places import redis_of
from gamification.telemetry import killpoints


def main(process: Process) -> None:
    """Project until asked to stop; a second process stands by."""
    settings = process.settings
    killpoints.arm(settings.kill_at)
    redis = redis_of(settings)
    projection = Projection(
        Ends(settings.postgres_dsn.get_secret_value(), redis),
        Limits(settings.board_keep_days, settings.changes_keep_hours),
        process.stop,
        process.heartbeat,
    )
    process.readiness("projection", projection.check)
    try:
        retry_while_unavailable(process, projection.turn, recover=projection.recover)
    finally:
        projection.recover()


if __name__ == "__main__":
    sys.exit(run("project", main))
