"""Fixtures that give tests an S3-compatible store: moto's server, on 127.0.0.1, over the wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # imported where they are used: slow, and most tests need none of it
    from moto.server import ThreadedMotoServer

    from gamification.adapters.archive.connection import Place


@contextmanager
def s3_server(port: int = 0) -> "Iterator[tuple[str, ThreadedMotoServer]]":
    """A store and its URL. What it holds lives in this process and outlives its stop."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        host, real_port = server.get_host_and_port()
        yield f"http://{host}:{real_port}", server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """URL of a store that tests share and must not stop."""
    with s3_server() as (url, _):
        yield url


@pytest.fixture
def archive_place(object_store: str) -> "Place":
    """A bucket of this test's own."""
    from tests.archives import make_place  # noqa: PLC0415

    return make_place(object_store)
