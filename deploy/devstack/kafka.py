"""One Apache Kafka broker in KRaft mode, its own controller, from the artefacts on the disk."""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.devstack.errors import NotReady
from deploy.devstack.ports import answers
from deploy.devstack.process import Command, Process
from deploy.devstack.site import Site

FORMAT_WITHIN_S: Final = 60
LOOK_WITHIN_S: Final = 2.0

LOG4J: Final = """
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
"""

SETTINGS: Final[Mapping[str, str]] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # Topics are made on purpose; a typing error must not make one.
    "auto.create.topics.enable": "false",
    # One broker: everything internal with one replica, and few partitions to open at the start.
    "num.partitions": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # A small machine.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    # Joins, failures and hanging transactions are noticed in seconds instead of minutes
    # (defaults: 3 s, 6 s, 45 s, 45 s, 5 s, 5 s, 10 s).
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "controlled.shutdown.enable": "false",
    # Else what was deleted within the last minute is there again after a kill.
    "log.flush.start.offset.checkpoint.interval.ms": "500",
}


def kafka(site: Site, port: int) -> Process:
    """A broker on 127.0.0.1:`port`. Raises NotReady."""
    folder = site.folder / "kafka"
    folder.mkdir()
    settings = folder / "server.properties"
    addressed = {
        **SETTINGS,
        **site.flavour.kafka,
        **_addresses(folder, port, site.ports.take(), site.flavour.kafka_listeners),
    }
    settings.write_text("".join(f"{name}={value}\n" for name, value in addressed.items()))
    log4j = folder / "log4j2.properties"
    log4j.write_text(LOG4J)
    classes = ("-cp", f"{site.programs.kafka}/*", f"-Dlog4j2.configurationFile={log4j}")
    _format(site.programs.java, classes, settings)
    command = Command(
        argv=(site.programs.java, *site.flavour.kafka_jvm, *classes, "kafka.Kafka", str(settings)),
        cwd=folder,
        log=folder.with_suffix(".log"),
    )
    return Process("kafka", command, lambda: takes_requests(port), outlives_us=site.outlives_us)


def takes_requests(port: int) -> bool:
    """True when the broker counts itself as usable: the port opens some time before that."""
    if not answers(port):
        return False
    # Its complaints about a broker that is still starting help nobody.
    quiet: dict[str, str | int | float | bool] = {
        "bootstrap.servers": f"127.0.0.1:{port}",
        "log_level": 0,
    }
    try:
        return bool(AdminClient(quiet).list_topics(timeout=LOOK_WITHIN_S).brokers)
    except KafkaException:
        return False


def _addresses(
    folder: Path, port: int, controller_port: int, further: tuple[str, ...]
) -> dict[str, str]:
    broker, controller = (
        f"PLAINTEXT://127.0.0.1:{port}",
        f"CONTROLLER://127.0.0.1:{controller_port}",
    )
    return {
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": ",".join((broker, controller, *further)),
        "advertised.listeners": ",".join((broker, *further)),
        "log.dirs": str(folder / "data"),
    }


def _format(java: str, classes: tuple[str, ...], settings: Path) -> None:
    # The tool takes an id that begins with "-" for an option.
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    small = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    asked = ("-t", cluster, "-c", str(settings), "--standalone")
    done = subprocess.run(
        (java, *small, *classes, "kafka.tools.StorageTool", "format", *asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=FORMAT_WITHIN_S,
    )
    if done.returncode != 0:
        raise NotReady(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")
