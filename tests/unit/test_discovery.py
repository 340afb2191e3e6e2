"""What Consul is told of us, and how many connections there is room for, from the settings."""

import subprocess
import sys

import pytest

from gamification.bootstrap.discovery import instance, registration
from gamification.settings import load

ALL = "0.0.0.0"  # noqa: S104 - the setting of a container


@pytest.mark.parametrize(
    ("environment", "address", "check_url"),
    [
        ({}, "127.0.0.1", "http://127.0.0.1:8080/health"),
        # All addresses: the agent on this machine knows which one the others see.
        (
            {"GAMIFICATION_GRPC_HOST": ALL, "GAMIFICATION_HTTP_HOST": ALL},
            "",
            "http://127.0.0.1:8080/health",
        ),
        (
            {
                "GAMIFICATION_GRPC_HOST": ALL,
                "GAMIFICATION_HTTP_HOST": ALL,
                "GAMIFICATION_SERVICE_ADDRESS": "10.1.2.3",
            },
            "10.1.2.3",
            "http://10.1.2.3:8080/health",
        ),
        (
            {"GAMIFICATION_GRPC_HOST": "[::]", "GAMIFICATION_HTTP_HOST": "::1"},
            "",
            "http://[::1]:8080/health",
        ),
        ({"GAMIFICATION_GRPC_HOST": "[fd00::7]"}, "fd00::7", "http://127.0.0.1:8080/health"),
        ({"SERVICE_CHECK_HTTP": "/health/"}, "127.0.0.1", "http://127.0.0.1:8080/health/"),
        (
            {"SERVICE_CHECK_HTTP": "https://shop.internal:8443/up"},
            "127.0.0.1",
            "https://shop.internal:8443/up",
        ),
    ],
)
def test_where_we_are(environment: dict[str, str], address: str, check_url: str) -> None:
    told = instance(load(environment), 50054, 8080)

    assert (told.address, told.check_url) == (address, check_url)


def test_name_and_port_are_those_of_the_settings() -> None:
    usual = instance(load({}), 50054, 8080)
    told = instance(load({"SERVICE_NAME": "shop", "SERVICE_PORT": "443"}), 50054, 8080)

    assert (usual.name, usual.port) == ("gamification", 50054)
    assert (told.name, told.port) == ("shop", 443)


def test_no_two_processes_have_one_id() -> None:
    assert instance(load({}), 1, 2).id != instance(load({}), 1, 2).id


def test_without_an_address_consul_is_not_used() -> None:
    assert registration(load({}), 50054, 8080) is None


@pytest.mark.parametrize(
    ("soft", "hard", "connections_max", "room", "soft_then"),
    [
        (300, 5000, 4000, 4000, 4256),
        (300, 1000, 4000, 744, 1000),
        (5000, 5000, 1000, 1000, 5000),
        (100, 200, 1000, 1, 200),
    ],
)
def test_connections_leave_files_for_the_rest(
    soft: int, hard: int, connections_max: int, room: int, soft_then: int
) -> None:
    script = (
        "import resource as r\n"
        "from gamification.bootstrap.open_files import room_for\n"
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        f"room = room_for({connections_max})\n"
        "print('room', room, r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"room {room} {soft_then}"
