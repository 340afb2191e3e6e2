"""The fault tests' own servers, and a chain of processes on them for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.devstack.start import start_private
from tests.faults.ground import Ground
from tests.faults.harness import Chain

LIMIT_S = 600
"""Servers and processes start many times in a test; on a busy machine each takes its time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with start_private() as stack:
        yield Ground(stack, tmp_path_factory.mktemp("ground"))


@pytest.fixture
def chain(ground: Ground, tmp_path: Path) -> Iterator[Chain]:
    with ground.afresh() as addresses:
        one = Chain(ground, addresses, tmp_path)
        try:
            yield one
        finally:
            ground.revive()  # a process ends in order only while its servers answer
            one.close()
