"""Servers that ask who we are, and prove who they are: Kafka, Redis and the registry."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import redis
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy import certificates
from deploy.devstack.flavour import TESTS
from deploy.devstack.ports import Ports
from deploy.devstack.process import Process
from deploy.devstack.start import start_private
from tests.faults.commands import command
from tests.faults.ground import PARTITIONS, Ground
from tests.faults.harness import Chain
from tests.front import tls_front
from tests.waiting import eventually

USER, PASSWORD = "app", "not-a-secret"
JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Guarded:
    ground: Ground
    settings: Mapping[str, str]
    """How a process gets in."""
    other_ca: str
    """Somebody who did not sign our servers' certificates."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    ca = certificates.authority()
    ca_file, _ = certificates.write(folder, "ca", ca)
    other, _ = certificates.write(folder, "other", certificates.authority("somebody else"))
    certificate, key = certificates.write(folder, "server", certificates.issue(ca, "localhost"))
    both = folder / "server.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    with ExitStack() as stack:
        ports = Ports()
        stack.callback(ports.release)
        at_kafka = ports.take()
        flavour = TESTS.with_kafka(
            {
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
                "GUARDED:SASL_SSL",
                "listener.name.guarded.sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.guarded.scram-sha-512.sasl.jaas.config": JAAS,
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(both),
            },
            f"GUARDED://127.0.0.1:{at_kafka}",
        )
        servers = stack.enter_context(start_private(flavour=flavour))
        if not isinstance(servers.kafka, Process):
            pytest.skip("containers publish no second listener")
        add_users(servers.addresses.kafka_bootstrap, servers.addresses.redis_url)
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode())
        registry = urlsplit(servers.addresses.registry_url)
        at_redis = stack.enter_context(
            tls_front(("127.0.0.1", servers.addresses.redis_port), certificate, key)
        )
        at_registry = stack.enter_context(
            tls_front(("127.0.0.1", registry.port or 0), certificate, key, b"Basic " + login)
        )
        settings = {
            "GAMIFICATION_KAFKA_PARTITIONS": PARTITIONS,
            "KAFKA_BROKER": f"127.0.0.1:{at_kafka}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CA": str(ca_file),
            "GAMIFICATION_REDIS_PORT": str(at_redis),
            "GAMIFICATION_REDIS_USERNAME": USER,
            "GAMIFICATION_REDIS_PASSWORD": PASSWORD,
            "GAMIFICATION_REDIS_TLS": "true",
            "GAMIFICATION_REDIS_CA": str(ca_file),
            "GAMIFICATION_SCHEMA_REGISTRY_URL": f"https://127.0.0.1:{at_registry}{registry.path}",
            "GAMIFICATION_SCHEMA_REGISTRY_USERNAME": USER,
            "GAMIFICATION_SCHEMA_REGISTRY_PASSWORD": PASSWORD,
            "GAMIFICATION_SCHEMA_REGISTRY_CA": str(ca_file),
        }
        yield Guarded(Ground(servers, folder / "ground"), settings, str(other))


def add_users(kafka: str, redis_url: str) -> None:
    """One at Kafka, one at Redis."""
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    wanted = UserScramCredentialUpsertion(USER, how, PASSWORD.encode())
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    for made in admin.alter_user_scram_credentials([wanted]).values():
        made.result(WITHIN_S)
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all")


@pytest.fixture
def chain(guarded: Guarded, tmp_path: Path) -> Iterator[Chain]:
    with guarded.ground.afresh() as addresses:
        one = Chain(guarded.ground, addresses, tmp_path)
        one.settings.update(guarded.settings)  # for commands
        try:
            yield one
        finally:
            one.close()


def test_everything_works_with_logins_and_tls(chain: Chain, guarded: Guarded) -> None:
    workers = [chain.launch(kind, guarded.settings) for kind in ("award", "relay", "project")]
    for worker in workers:
        worker.wait_ready()
    chain.load(events=600)
    chain.settle()
    for words in (("topics", "check"), ("schemas", "check"), ("relay", "show"), ("reconcile",)):
        done = command(chain, *words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("process", "wrong", "told"),
    [
        ("award", {"KAFKA_SASL_PASSWORD": "wrong"}, "kafka: _AUTHENTICATION"),
        ("relay", {"KAFKA_SSL_CA": "other"}, "kafka: _SSL"),
        ("relay", {"GAMIFICATION_SCHEMA_REGISTRY_PASSWORD": "wrong"}, "registry"),
        ("project", {"GAMIFICATION_REDIS_CA": "other"}, "CERTIFICATE_VERIFY_FAILED"),
        ("project", {"GAMIFICATION_REDIS_PASSWORD": "wrong"}, '"halted"'),
    ],
    ids=str,
)
def test_who_is_refused_says_so(
    chain: Chain, guarded: Guarded, process: str, wrong: Mapping[str, str], told: str
) -> None:
    """And no password is in the log."""
    said = {name: guarded.other_ca if it == "other" else it for name, it in wrong.items()}
    worker = chain.launch(process, {**guarded.settings, **said})
    chain.excuse(worker)

    eventually(lambda: told in worker.log_text() + not_ready(worker.url), within_s=WITHIN_S)
    assert PASSWORD not in worker.log_text()


def not_ready(url: str) -> str:
    """What /ready answers; nothing while it does not."""
    try:
        return httpx2.get(f"{url}/ready", timeout=WITHIN_S).text
    except httpx2.TransportError:
        return ""
