"""`python -m cli.revoke_token` on a real Redis."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from deploy.devstack.server import Addresses
from deploy.neighbours import mint
from gamification.adapters.redis.connection import Address
from tests.services import MERCHANT_TEXT

pytestmark = pytest.mark.servers


@pytest.fixture
def address(servers: Addresses, redis_url: str) -> Address:
    """An empty Redis."""
    assert redis_url
    return Address(servers.redis_host, servers.redis_port)


def revoke(address: Address, *options: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.revoke_token", *options],
        env={
            **os.environ,
            "GAMIFICATION_REDIS_HOST": address.host,
            "GAMIFICATION_REDIS_PORT": str(address.port),
        },
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def left_s(url: str) -> dict[str, int]:
    with redis.Redis.from_url(url) as there:
        return {key.decode(): there.ttl(key) for key in there.keys()}  # noqa: SIM118


def test_without_yes_it_only_says_what_it_would_do(address: Address, redis_url: str) -> None:
    done = revoke(address, "--token-id", "t-1")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\t")[0] == "t-1"
    assert "add --yes" in done.stderr
    assert left_s(redis_url) == {}


def test_an_id_is_revoked_for_an_hour(address: Address, redis_url: str) -> None:
    done = revoke(address, "--token-id", "t-1", "--yes", "--json")

    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["token_id"], row["was_revoked_until"], row["done"]) == ("t-1", None, "yes")
    assert 3500 < left_s(redis_url)["jwt_blacklist:t-1"] <= 3600


def test_an_id_is_revoked_until_its_token_ends(address: Address, redis_url: str) -> None:
    end = str(int(time.time()) + 86_400)

    done = revoke(address, "--token-id", "t-1", "--expires-at", end, "--yes")

    assert done.returncode == 0, done.stderr
    assert 86_300 < left_s(redis_url)["jwt_blacklist:t-1"] <= 86_400


@pytest.mark.parametrize("by_file", [False, True])
def test_a_token_is_read_and_never_shown(
    address: Address, redis_url: str, tmp_path: Path, *, by_file: bool
) -> None:
    token = mint(MERCHANT_TEXT, [], jti="t-2", life_s=7200)
    path = tmp_path / "token"
    path.write_text(token + "\n")

    options = ("--token-file", str(path)) if by_file else ()
    done = revoke(address, "--yes", *options, stdin="" if by_file else token + "\n")

    assert done.returncode == 0, done.stderr
    assert 7100 < left_s(redis_url)["jwt_blacklist:t-2"] <= 7200
    assert token not in done.stdout + done.stderr


def test_a_token_without_an_id_is_known_by_its_hash(address: Address, redis_url: str) -> None:
    revoke(address, "--yes", stdin=mint(MERCHANT_TEXT, [], jti=None))

    (key,) = left_s(redis_url)
    assert len(key.removeprefix("jwt_blacklist:")) == 64


def test_it_says_that_a_token_was_revoked_before(address: Address) -> None:
    revoke(address, "--token-id", "t-1", "--yes")

    (row,) = json.loads(revoke(address, "--token-id", "t-1", "--json").stdout)

    assert row["was_revoked_until"] is not None
    assert row["done"] == "no"


@pytest.mark.parametrize(
    "options",
    [
        ("--token-id", mint(MERCHANT_TEXT, [])),
        ("--token-id", ""),
        ("--token-id", "t-1", "--token-file", "/dev/null"),
        ("--token-file", "/no/such/file"),
        ("--token-file", "/dev/null"),
        ("--expires-at", "7"),
        (mint(MERCHANT_TEXT, []),),
        ("--token-file", __file__),
        (),
    ],
    ids=[
        "a token as id",
        "no id",
        "both",
        "no file",
        "empty",
        "an end alone",
        "argument",
        "no token",
        "none",
    ],
)
def test_wrong_usage_is_told(address: Address, redis_url: str, options: tuple[str, ...]) -> None:
    done = revoke(address, "--yes", *options)

    assert done.returncode == 2
    assert done.stderr
    assert left_s(redis_url) == {}


def test_a_token_in_the_place_of_an_id_is_not_repeated(address: Address) -> None:
    short = "eyJhbGciOiJIUzI1NiJ9.e30.x"

    done = revoke(address, "--yes", "--token-id", short)

    assert done.returncode == 2
    assert "that is a token" in done.stderr
    assert short not in done.stderr


def test_a_text_that_is_no_jwt_is_told(address: Address) -> None:
    done = revoke(address, "--yes", stdin="opaque")

    assert (done.returncode, "--token-id" in done.stderr) == (2, True)


def test_a_redis_that_is_away_is_told() -> None:
    done = revoke(Address("127.0.0.1", 1), "--token-id", "t-1", "--yes")

    assert done.returncode == 3
    assert done.stderr.startswith("unavailable: redis: ")
