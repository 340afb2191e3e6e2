"""The development servers: they keep their data, keep to themselves and leave nothing behind."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from deploy.devstack import background, record, site
from deploy.devstack.artefacts import JavaPrograms
from deploy.devstack.flavour import TESTS
from deploy.devstack.identity import Identity, identify, tree
from deploy.devstack.ports import Ports, answers
from deploy.devstack.postgres import dsn, postgres
from deploy.devstack.redis import redis
from deploy.devstack.server import Addresses
from deploy.devstack.settings import Backend, Source, read
from deploy.devstack.stack import Stack
from deploy.devstack.start import backend, start_private
from tests.servers import Topics
from tests.waiting import eventually

pytestmark = [pytest.mark.servers, pytest.mark.faults]

ROOT: Final = Path(__file__).parents[2]
ANSWER_WITHIN_S: Final = 10.0
STOP_WITHIN_S: Final = 30.0

local_only = pytest.mark.skipif(
    backend(read()) is not Backend.LOCAL, reason="about processes of this machine"
)


@pytest.mark.parametrize("goes", ["kill", "stop"])
def test_kafka_comes_back_with_its_records(own_stack: Stack, goes: str) -> None:
    bootstrap = own_stack.addresses.kafka_bootstrap
    topic = Topics(bootstrap).fresh("kept", partitions=1)
    publish(bootstrap, topic, b"before")

    getattr(own_stack.kafka, goes)()
    assert not answers(port_of(bootstrap))
    own_stack.kafka.start()

    publish(bootstrap, topic, b"after")
    assert records(bootstrap, topic) == [b"before", b"after"]


@pytest.mark.parametrize("goes", ["kill", "stop"])
def test_postgres_comes_back_with_what_was_committed(own_stack: Stack, goes: str) -> None:
    dsn = own_stack.addresses.postgres_dsn
    with psycopg.connect(dsn) as session:
        session.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        session.execute("INSERT INTO kept VALUES (%s)", (goes,))
    with psycopg.connect(dsn) as open_session:
        open_session.execute("SELECT 1")
        getattr(own_stack.postgres, goes)()
        with pytest.raises(psycopg.OperationalError):
            open_session.execute("SELECT 1")

    own_stack.postgres.start()

    with psycopg.connect(dsn) as session:
        kept = session.execute("SELECT count(*) FROM kept WHERE word = %s", (goes,)).fetchone()
    assert kept == (1,)


def test_registry_comes_back_with_the_same_schema_ids(own_stack: Stack) -> None:
    settings = {"url": own_stack.addresses.registry_url, "timeout": ANSWER_WITHIN_S}
    schema = Schema('{"type": "record", "name": "Kept", "fields": []}', "AVRO")
    with SchemaRegistryClient(settings) as registry:
        given = registry.register_schema("kept-value", schema)

    own_stack.registry.kill()
    own_stack.registry.start()

    with SchemaRegistryClient(settings) as registry:
        assert registry.lookup_schema("kept-value", schema).schema_id == given
        assert registry.get_compatibility() == "BACKWARD"


def test_redis_comes_back_with_its_keys(own_stack: Stack) -> None:
    with Redis.from_url(own_stack.addresses.redis_url) as client:
        client.set("kept", "yes")

    own_stack.redis.restart()

    with Redis.from_url(own_stack.addresses.redis_url) as client:
        assert client.get("kept") == b"yes"


def test_a_paused_server_is_silent_and_goes_on_afterwards(own_stack: Stack) -> None:
    with Redis.from_url(own_stack.addresses.redis_url, socket_timeout=0.2) as client:
        client.ping()
        own_stack.redis.pause()
        try:
            with pytest.raises(RedisTimeoutError):
                client.execute_command("PING")
        finally:
            own_stack.redis.resume()
        eventually(client.ping)


@pytest.mark.slow
def test_two_stacks_at_once_do_not_collide(own_stack: Stack) -> None:
    with ThreadPoolExecutor(1) as threads:
        starting = threads.submit(start_private)
    # The thread has ended by now: its servers must not end with it.
    with starting.result() as another:
        for stack in (own_stack, another):
            bootstrap = stack.addresses.kafka_bootstrap
            Topics(bootstrap).create("same-name", partitions=1)
            publish(bootstrap, "same-name", bootstrap.encode())
        for stack in (own_stack, another):
            bootstrap = stack.addresses.kafka_bootstrap
            assert records(bootstrap, "same-name") == [bootstrap.encode()]


@local_only
@pytest.mark.slow
def test_nothing_is_left_after_the_parent_was_killed(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with devstack("run", "--flavour", "tests", temporary=open_folder) as parent:
        family = tree(identity_of(parent.pid))
        assert {"kafka", "registry", "postgres", "redis"} <= folders(open_folder)

        parent.kill()

        eventually(lambda: not any(each.alive() for each in family))
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    site.remove_abandoned()
    assert folders(open_folder) == set()


@local_only
def test_ctrl_c_ends_the_servers_and_removes_their_data(open_folder: Path) -> None:
    with devstack("run", "--flavour", "tests", temporary=open_folder) as parent:
        family = tree(identity_of(parent.pid))
        parent.send_signal(signal.SIGINT)
        assert parent.wait(STOP_WITHIN_S) == 0
    assert not any(each.alive() for each in family)
    assert folders(open_folder) == set()


@local_only
def test_up_leaves_servers_running_and_down_ends_exactly_those(open_folder: Path) -> None:
    with devstack(
        "up", "--flavour", "tests", "--home", str(open_folder), temporary=open_folder
    ) as command:
        assert command.wait(STOP_WITHIN_S) == 0
    note = record.load(open_folder / background.NOTE)
    assert note is not None
    entries, facts = note
    try:
        assert background.running(open_folder) is not None
        assert [entry.name for entry in entries if entry.identity.alive()] == [
            *("kafka", "registry", "postgres", "redis")
        ]
    finally:
        assert background.down(open_folder)
    assert not any(entry.identity.alive() for entry in entries)
    assert not Path(facts["folder"]).exists()
    assert background.running(open_folder) is None
    assert not background.down(open_folder), "nothing is left to end"


@local_only
def test_postgres_and_redis_also_come_from_wheels(open_folder: Path) -> None:
    """What a machine without either uses: what is installed is tried by all other tests."""
    wheels = replace(read(), postgres=Source.WHEEL, redis=Source.WHEEL)
    programs = JavaPrograms("no java", open_folder, open_folder)
    ports = Ports()
    place = site.Site(open_folder, wheels, TESTS, programs, ports, outlives_us=False)
    at_postgres, at_redis = ports.take(), ports.take()
    servers = (postgres(place, at_postgres), redis(place, at_redis))
    try:
        for server in servers:
            server.start()
        with psycopg.connect(dsn(at_postgres)) as session:
            assert session.execute("SHOW fsync").fetchone() == ("on",)
        with Redis(port=at_redis) as client:
            assert client.set("word", "yes")
    finally:
        for server in servers:
            assert server.stop()
        ports.release()


@local_only
@pytest.mark.parametrize(
    ("programs", "backend", "told"),
    [
        ((), "docker", "no Docker daemon answers: sudo systemctl start docker"),
        (
            (),
            "local",
            "Java 17 or newer is not installed: sudo apt-get install -y openjdk-17-jre-headless",
        ),
        (("java",), "local", "is missing: sudo apt-get install -y maven"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    tmp_path: Path, programs: tuple[str, ...], backend: str, told: str
) -> None:
    for program in programs:
        where = shutil.which(program)
        assert where is not None
        (tmp_path / program).symlink_to(where)
    environment = {
        **os.environ,
        "PATH": str(tmp_path),
        "GAMIFICATION_DEVSTACK": backend,
        "GAMIFICATION_DEVSTACK_CACHE": str(tmp_path),
    }
    environment.pop("JAVA_HOME", None)
    done = subprocess.run(
        (sys.executable, "-m", "deploy.devstack", "run"),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can look into: Postgres runs as one of them when we are root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def devstack(*arguments: str, temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, once it has told its addresses; killed when it still runs at the end."""
    with subprocess.Popen(
        (sys.executable, "-m", "deploy.devstack", *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "GAMIFICATION_DEVSTACK": "local"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().partition("=")[0] for _ in Addresses.ENVIRONMENT]
        assert told == list(Addresses.ENVIRONMENT)
        yield process
        process.kill()


def identity_of(pid: int) -> Identity:
    found = identify(pid)
    assert found is not None
    return found


def folders(temporary: Path) -> set[str]:
    return {path.name for path in temporary.glob(f"{site.PREFIX}*/*") if path.is_dir()}


def publish(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    producer.produce(topic, value)
    assert producer.flush(ANSWER_WITHIN_S) == 0


def records(bootstrap: str, topic: str) -> list[bytes | None]:
    """All values of a topic's only partition."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "reader", "log_level": 0}
    consumer = Consumer({**settings, "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages = iter(lambda: consumer.poll(ANSWER_WITHIN_S), None)
        return [message.value() for message in itertools.takewhile(is_record, messages)]
    finally:
        consumer.close()


def is_record(message: Message) -> bool:
    """False at the end of the partition."""
    error = message.error()
    assert error is None or error.code() == KafkaError._PARTITION_EOF, error
    return error is None


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])
