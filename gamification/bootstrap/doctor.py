"""Every check of the doctor's, from settings: who is asked, and what to do when nobody answers.

Clients of what is seldom set are imported by their own check: they take long, and may hang with it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from gamification.adapters import processes
from gamification.adapters.kafka import schema_check, schema_files
from gamification.adapters.kafka.admin import Admin
from gamification.adapters.kafka.facts import KafkaFacts
from gamification.adapters.kafka.topics import INPUT_TOPICS, plan
from gamification.adapters.postgres import changes, facts, letter_index, offsets, relay_state
from gamification.adapters.postgres.connection import Database, connect
from gamification.adapters.postgres.migrate import missing
from gamification.adapters.redis import connection as redis_connection
from gamification.adapters.redis import facts as redis_facts
from gamification.adapters.redis import progress
from gamification.application import project
from gamification.application.doctor import kafka, others, postgres, redis
from gamification.application.doctor.finding import Finding, State
from gamification.application.doctor.side_by_side import Check, Examined, examine, guarded
from gamification.application.relay_admin import standing
from gamification.application.relay_lanes import LANES, Ends, Lane
from gamification.bootstrap.places import kafka_of, redis_of, registry_of
from gamification.bootstrap.tls import tls_files
from gamification.settings import Settings

NAME: Final = "gamification-doctor"
ASK_WITHIN_S: Final = 3.0
"""One question. A check asks several, one after the other."""
ALL_WITHIN_S: Final = 12.0

HURRY: Final = {"statement_timeout": "5s", "lock_timeout": "2s"}

START_POSTGRES: Final = "see that Postgres runs and GAMIFICATION_POSTGRES_DSN is right"
START_KAFKA: Final = "see that the brokers run and KAFKA_BROKER is right"
START_REDIS: Final = "see that Redis runs and GAMIFICATION_REDIS_HOST and _PORT are right"
START_REGISTRY: Final = (
    "see that the registry runs and GAMIFICATION_SCHEMA_REGISTRY_URL is right; until then only "
    "records with known schemas go on"
)
START_SERVICE: Final = "see that it runs and {} is right; calls are refused as UNAVAILABLE"
START_STORE: Final = "see the settings GAMIFICATION_ARCHIVE_...; awards do not need it"
START_CONSUL: Final = "see that the agent runs and CONSUL_HTTP_ADDR is right; calls do not need it"
START_PROCESS: Final = "see that it runs, and why it ended: its exit code and last log line"
RENEW_FILES: Final = "put files there that fit together: docs/security.md"


def check_all(
    settings: Settings, process_urls: Sequence[str], misspelled: Sequence[str]
) -> Examined:
    """Returns in some seconds more than ALL_WITHIN_S at most, whatever hangs. Raises nothing."""
    found = examine([*_checks(settings), *_processes(process_urls)], ALL_WITHIN_S)
    return found._replace(findings=[*others.settings((), misspelled), *found.findings])


def _checks(settings: Settings) -> list[Check]:
    return [
        Check("postgres", partial(_postgres, settings), START_POSTGRES),
        Check("kafka", partial(_kafka, settings), START_KAFKA),
        Check("lag", partial(_lag, settings), f"{START_KAFKA}; the same for Postgres"),
        *(
            Check(f"relay {lane.name}", partial(_relay, settings, lane), START_KAFKA)
            for lane in LANES
        ),
        Check("schema registry", partial(_registry, settings), START_REGISTRY),
        Check("redis", partial(_redis, settings), START_REDIS),
        Check("projection", partial(_projection, settings), f"{START_REDIS}; and Postgres"),
        *(
            Check(name, partial(_service, settings, name), START_SERVICE.format(variable))
            for name, variable in (("auth", "AUTH_HOST"), ("users", "USERS_HOST"))
        ),
        Check("certificates", partial(_certificates, settings), RENEW_FILES),
        Check("object store", partial(_store, settings), START_STORE),
        Check("consul", partial(_consul, settings), START_CONSUL),
    ]


def _processes(urls: Sequence[str]) -> list[Check]:
    return [Check(f"process {url}", partial(_process, url), START_PROCESS) for url in urls]


def _connect(settings: Settings) -> "closing[Database]":
    return closing(connect(settings.postgres_dsn.get_secret_value(), NAME, HURRY))


def _postgres(settings: Settings) -> Iterator[Finding]:
    with _connect(settings) as database:
        yield from postgres.server(facts.server(database))
        migrations = postgres.migrations(missing(database))
        yield migrations
        if migrations.state == State.OK:  # else the tables of the others may not be there
            for check in _of_tables(database):
                yield from guarded(check)


def _of_tables(database: Database) -> list[Check]:
    """On one connection, one after the other; what one cannot say the next one may."""
    made = (
        (relay_state.TABLE, relay_state.PARTITIONS_AHEAD, "relay"),
        (changes.TABLE, project.PARTITIONS_AHEAD, "project"),
    )
    return [
        *(
            Check(f"outbox {lane.name}", partial(_outbox, database, lane), START_POSTGRES)
            for lane in LANES
        ),
        *(
            Check(f"partitions {of[0]}", partial(_partitions, database, *of), START_POSTGRES)
            for of in made
        ),
        Check("dead letters", partial(_letters, database), START_POSTGRES),
    ]


def _outbox(database: Database, lane: Lane) -> Iterator[Finding]:
    yield postgres.outbox(facts.lane(database, lane.name, lane.shard))


def _partitions(database: Database, table: str, wanted: int, maker: str) -> Iterator[Finding]:
    yield postgres.partitions(facts.partitions_ahead(database, table, wanted, maker))


def _letters(database: Database) -> Iterator[Finding]:
    yield postgres.letters(letter_index.count_parked(database))


def _kafka(settings: Settings) -> Iterator[Finding]:
    yield kafka.cluster(KafkaFacts(kafka_of(settings), ASK_WITHIN_S).cluster())
    plans = plan(settings.kafka_partitions, settings.kafka_replication, settings.value_bytes_max)
    yield kafka.topics(Admin(kafka_of(settings), ASK_WITHIN_S).differences(plans))


def _lag(settings: Settings) -> Iterator[Finding]:
    brokers = KafkaFacts(kafka_of(settings), ASK_WITHIN_S)
    group = settings.consumer_group
    with _connect(settings) as database:
        stored = offsets.stored(database, group)
    members = kafka.Members(group, brokers.members(group))
    yield kafka.workers(members)
    yield from kafka.lags(stored, brokers.spans(INPUT_TOPICS), members)


def _relay(settings: Settings, lane: Lane) -> Iterator[Finding]:
    now = standing(Ends(settings.postgres_dsn.get_secret_value(), kafka_of(settings)), lane)
    yield kafka.relay(lane.name, now.problem, None if now.kafka is None else now.kafka.last_id)


def _registry(settings: Settings) -> Iterator[Finding]:
    with closing(registry_of(settings, ASK_WITHIN_S)) as registry:
        yield kafka.schemas(schema_check.differences(registry, schema_files.history()))


def _redis(settings: Settings) -> Iterator[Finding]:
    client = redis_connection.connect(redis_of(settings), NAME)
    try:
        for node in redis_facts.nodes(client):
            yield from redis.node(node)
    finally:
        redis_connection.close(client)


def _projection(settings: Settings) -> Iterator[Finding]:
    client = redis_connection.connect(redis_of(settings), NAME)
    try:
        known, _ = progress.load(client)
    finally:
        redis_connection.close(client)
    with _connect(settings) as database:
        is_led = facts.is_led(database, changes.LOCK, 0)
        if known is None or known.incarnation != changes.incarnation(database):
            yield redis.projection(None, 0.0, is_led=is_led)
            return
        waiting, oldest_s = changes.backlog(database, known.change_id)
        yield redis.projection(waiting, oldest_s, is_led=is_led)


def _service(settings: Settings, name: str) -> Iterator[Finding]:
    attribute = f"{name}_host"
    if attribute not in settings.model_fields_set:
        yield others.not_set(name, attribute.upper())
        return
    from gamification.adapters.services.standing import answers  # noqa: PLC0415 - slow to import

    files = tls_files(settings)
    pair = None if files is None else files.newest()
    yield others.answers(name, answers(name, getattr(settings, attribute), pair, ASK_WITHIN_S))


def _certificates(settings: Settings) -> Iterator[Finding]:
    files = {
        "GAMIFICATION_TLS_CERTIFICATE": settings.tls_certificate,
        "GAMIFICATION_TLS_CA": settings.tls_ca,
    }
    if not any(files.values()) and not settings.tls_key:
        yield others.not_set("certificates", "GAMIFICATION_TLS_CERTIFICATE")
        return
    from gamification.adapters import certificates  # noqa: PLC0415 - slow to import
    from gamification.application.doctor.certificate import judged  # noqa: PLC0415 - as above

    now = datetime.now(UTC)
    for variable, path in files.items():
        if path:
            for found in certificates.certificates(Path(path)):
                yield judged(variable, found, now)
    tls_files(settings)
    yield others.answers("certificates", "certificate, key and CA fit together")


def _store(settings: Settings) -> Iterator[Finding]:
    if not settings.archive_bucket:
        yield others.not_set("object store", "GAMIFICATION_ARCHIVE_BUCKET")
        return
    from gamification.adapters.archive.store import open_store  # noqa: PLC0415 - slow to import

    store = open_store(settings, ASK_WITHIN_S)
    if store is None:
        return
    with closing(store):
        store.check()
    yield others.answers("object store", f"answers, has {', '.join(store.buckets)}")


def _consul(settings: Settings) -> Iterator[Finding]:
    if not settings.consul_address:
        yield others.not_set("consul", "CONSUL_HTTP_ADDR")
        return
    asyncio.run(_ask_consul(settings))
    yield others.answers("consul")


async def _ask_consul(settings: Settings) -> None:
    from gamification.adapters.consul.agent import Agent  # noqa: PLC0415 - slow to import

    async with Agent(settings.consul_address, settings.consul_token.get_secret_value()) as agent:
        await agent.check()


def _process(url: str) -> Iterator[Finding]:
    yield others.process(url, processes.ready(url, ASK_WITHIN_S))
