"""Process: what other services call, over gRPC. `python -m consumers.service`."""

import asyncio
import sys
from functools import partial

from consumers.process import Process, run
from gamification.adapters.kafka.probe import KafkaProbe
from gamification.adapters.redis.probe import RedisProbe
from gamification.bootstrap.award import require_migrated
from gamification.bootstrap.memory import one_arena
from gamification.bootstrap.places import kafka_of, redis_of
from gamification.bootstrap.service import running
from gamification.telemetry import logs

LOOK_EVERY_S = 0.1

log = logs.get("service")


def main(process: Process) -> None:
    """Answer until asked to stop. Start more of these behind a load balancer."""
    settings = process.settings
    dsn = settings.postgres_dsn.get_secret_value()
    redis = redis_of(settings)
    process.readiness("database", partial(require_migrated, dsn))
    process.readiness("redis", RedisProbe(redis).check)
    process.readiness("kafka", KafkaProbe(kafka_of(settings)).check)
    asyncio.run(_serve(process))


async def _serve(process: Process) -> None:
    async with running(process.settings, process.http_port) as service:
        log.info("grpc_listens", host=process.settings.grpc_host, port=service.port)
        while not process.stop.is_set():
            service.check()
            process.heartbeat("grpc")
            process.between_turns()
            await asyncio.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    one_arena()  # before there are threads
    sys.exit(run("service", main))
