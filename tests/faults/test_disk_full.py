"""The disk under Postgres is full, for data and for its log: the work waits for room."""

from collections.abc import Iterator

import pytest

from deploy.devstack.process import Process
from tests.faults.harness import Chain
from tests.shim import Disk, Shim

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture
def disk(chain: Chain) -> Iterator[Disk]:
    """That of the chain's Postgres, with room on it."""
    server = chain.servers.postgres
    folder = chain.servers.folder
    assert isinstance(server, Process), "fill the disk of a process of this machine"
    assert folder is not None
    before = server.command
    disk = Shim(folder / "shim").disk(server)
    server.restart()
    yield disk
    disk.make_room()
    server.command = before
    server.stop()
    server.start()


def test_work_waits_for_room_and_nothing_becomes_a_dead_letter(chain: Chain, disk: Disk) -> None:
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=400)
    chain.wait_counted(300)
    disk.fill()
    chain.wait_failures(award, 5)
    assert "53100" in award.log_text(), "disk full, in Postgres' words"
    disk.make_room()
    chain.servers.postgres.start()  # without room for its log it may have given up
    chain.settle()
