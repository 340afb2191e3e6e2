"""The application's processes under the hand that fault tests, demo and measurements use."""

import json
import signal
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.devstack.database import create_database, drop_database
from deploy.devstack.errors import NotReady
from deploy.devstack.server import Addresses
from deploy.launch import KINDS, Application, Worker
from tests.waiting import eventually

pytestmark = [pytest.mark.servers, pytest.mark.faults]


@pytest.fixture(scope="module")
def prepared(servers: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """Tables in a database of this file's own, topics and schemas."""
    name = f"test_{uuid.uuid4().hex}"
    own = replace(servers, postgres_dsn=create_database(servers.postgres_dsn, name))
    Application(own, tmp_path_factory.mktemp("logs")).prepare()
    yield own
    drop_database(servers.postgres_dsn, name)


@pytest.fixture
def application(prepared: Addresses, tmp_path: Path) -> Iterator[Application]:
    with Application(prepared, tmp_path / "logs") as made:
        yield made


def test_all_three_start_stop_and_write_logs(application: Application) -> None:
    workers = application.start()
    assert [worker.name for worker in workers] == list(KINDS)
    assert all(ready(worker) for worker in workers)

    application.close()

    assert [worker.exit_code for worker in workers] == [0, 0, 0]
    for worker in workers:
        assert [json.loads(line)["event"] for line in worker.log_text().splitlines()][-1:] == [
            "stopped"
        ]


def test_a_killed_worker_comes_back_on_the_same_port(application: Application) -> None:
    (award,) = application.start("award")
    first = award.identity

    award.kill()
    assert award.exit_code == -signal.SIGKILL
    assert not ready(award)
    award.start()

    assert award.identity != first
    assert ready(award)


def test_a_paused_worker_is_silent_until_it_goes_on(application: Application) -> None:
    (project,) = application.start("project")
    project.pause()
    assert not ready(project)
    project.resume()
    eventually(lambda: ready(project))


def test_two_workers_of_a_kind_have_ports_and_logs_of_their_own(application: Application) -> None:
    first, second = application.start("award", "award")
    assert (first.name, second.name) == ("award", "award-2")
    assert first.url != second.url
    assert first.command.log != second.command.log


def test_a_worker_that_cannot_start_says_why(application: Application) -> None:
    wrong = application.worker("award", {"GAMIFICATION_BATCH_RECORDS_MAX": "many"})
    with pytest.raises(NotReady, match=r"(?s)award ended with 2.*GAMIFICATION_BATCH_RECORDS_MAX"):
        wrong.start()


def ready(worker: Worker) -> bool:
    try:
        with urllib.request.urlopen(f"{worker.url}/ready", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False
