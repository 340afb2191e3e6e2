"""Containers and local processes are the same servers with the same settings."""

import re

from deploy.devstack import compose, kafka, redis
from deploy.devstack.flavour import BENCH

AT = {"kafka": 17001, "registry": 17002, "postgres": 17003, "redis": 17004}

ADDRESSES = {
    "KAFKA_LISTENERS",
    "KAFKA_ADVERTISED_LISTENERS",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
    "KAFKA_INTER_BROKER_LISTENER_NAME",
    "KAFKA_CONTROLLER_QUORUM_VOTERS",
    "KAFKA_LOG_DIRS",
    "KAFKA_HEAP_OPTS",
}
"""What has to differ: the inside of a container is another machine."""


def test_every_server_has_a_container() -> None:
    assert set(compose.images(AT)) == set(compose.NAMES)


def test_the_broker_in_a_container_has_the_local_brokers_settings() -> None:
    ours = compose.kafka_variables(kafka.SETTINGS)
    theirs = compose.images(AT)["kafka"].environment
    assert {n: v for n, v in theirs.items() if n not in ADDRESSES} == {
        n: v for n, v in ours.items() if n not in ADDRESSES
    }


def test_the_broker_tells_clients_the_port_of_the_host() -> None:
    environment = compose.images(AT)["kafka"].environment
    assert "PLAINTEXT://127.0.0.1:17001" in environment["KAFKA_ADVERTISED_LISTENERS"].split(",")


def test_postgres_and_redis_are_started_with_the_same_settings() -> None:
    images = compose.images(AT)
    settings = [f"{name}={value}" for name, value in BENCH.postgres.items()]
    assert [part for part in images["postgres"].command[1:] if part != "-c"] == settings
    assert images["redis"].command[1:] == redis.OPTIONS


def test_versions_are_those_that_maven_fetches() -> None:
    pom = (compose.FILE.parent / "devstack" / "pom.xml").read_text()
    images = compose.images(AT)
    for service, version in (("kafka", "kafka.version"), ("registry", "apicurio.version")):
        fetched = re.search(rf"<{re.escape(version)}>(.+?)</", pom)
        assert fetched is not None
        assert images[service].name.endswith(f":{fetched[1]}")


def test_only_this_machine_reaches_the_containers() -> None:
    ports = re.findall(r'ports: \["(.+?)"\]', compose.FILE.read_text())
    assert len(ports) == len(compose.NAMES)
    assert all(port.startswith("127.0.0.1:$") for port in ports)
