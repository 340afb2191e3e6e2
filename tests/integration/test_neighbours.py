"""The small services of the demo, as a process of their own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from deploy import certificates
from deploy.neighbours import mint
from deploy.neighbours.__main__ import tell
from deploy.neighbours.behaviour import Behaviour, Lie
from gamification.domain.errors import NotAuthenticated, Unavailable
from gamification.domain.identity import Scope
from tests.services import (
    CUSTOMER,
    CUSTOMER_TEXT,
    MERCHANT,
    MERCHANT_TEXT,
    auth_client,
    in_loop,
    users_client,
)
from tests.waiting import eventually

RUN = (sys.executable, "-m", "deploy.neighbours")


class Neighbours:
    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            (*RUN, "run", *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin = self.process.stdin
        said = dict(self.process.stdout.readline().strip().split("=") for _ in range(2))
        self.auth, self.users = said["AUTH_HOST"], said["USERS_HOST"]

    def tell(self, line: str) -> None:
        self._stdin.write(line + "\n")
        self._stdin.flush()

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


@pytest.fixture
def neighbours() -> Iterator[Neighbours]:
    running = Neighbours("--customer", f"{MERCHANT_TEXT}/{CUSTOMER_TEXT}")
    yield running
    running.close()


@in_loop
async def test_they_print_where_they_are_and_answer_there(neighbours: Neighbours) -> None:
    async with auth_client(neighbours.auth) as auth, users_client(neighbours.users) as users:
        identity = await auth.validate(mint(MERCHANT_TEXT, [Scope.AWARD]))

        assert identity.merchant_id == MERCHANT
        assert await users.exists(MERCHANT, CUSTOMER)
        assert not await users.exists(MERCHANT, CUSTOMER[::-1])  # type: ignore[arg-type]


def test_a_line_on_standard_input_changes_how_they_answer(neighbours: Neighbours) -> None:
    @in_loop
    async def fails() -> None:
        async with auth_client(neighbours.auth) as auth:
            with pytest.raises(Unavailable):
                await auth.validate(mint(MERCHANT_TEXT, []))

    @in_loop
    async def answers() -> None:
        async with auth_client(neighbours.auth) as auth:
            try:
                await auth.validate(mint(MERCHANT_TEXT, []))
            except Unavailable as error:
                raise AssertionError from error

    def failing() -> None:
        try:
            fails()
        except pytest.fail.Exception as error:
            raise AssertionError from error

    neighbours.tell("what?")
    neighbours.tell("auth fail INTERNAL")
    eventually(failing)
    neighbours.tell("auth well")
    eventually(answers)


@pytest.mark.parametrize("stop", ["terminate", "kill"])
def test_they_end_when_asked(stop: str) -> None:
    running = Neighbours()
    getattr(running.process, stop)()

    assert running.process.wait(20) == (0 if stop == "terminate" else -9)
    running.process.communicate()


def test_the_lines_that_they_know() -> None:
    auth, users = Behaviour(), Behaviour()
    both = {"auth": auth, "users": users}

    tell(both, "auth slow 2.5")
    tell(both, "users fail UNAVAILABLE")
    tell(both, "users lie nobody")
    assert (auth.delay_s, users.status, users.lie) == (2.5, grpc.StatusCode.UNAVAILABLE, Lie.NOBODY)

    tell(both, "users well")
    assert (users.status, users.lie, auth.delay_s) == (None, None, 2.5)
    for wrong in ("", "auth", "nobody well", "auth fail MAYBE", "auth lie much", "auth slow"):
        with pytest.raises((KeyError, ValueError)):
            tell(both, wrong)


@in_loop
async def test_a_token_from_the_command_line_is_good(neighbours: Neighbours) -> None:
    options = ("--merchant-id", MERCHANT_TEXT, "--scope", Scope.EDIT)
    made = subprocess.run(  # noqa: ASYNC221
        (*RUN, "token", *options), capture_output=True, text=True, check=True
    )
    async with auth_client(neighbours.auth) as auth:
        assert (await auth.validate(made.stdout.strip())).scopes == {Scope.EDIT}
        with pytest.raises(NotAuthenticated):
            await auth.validate(mint(MERCHANT_TEXT, [], life_s=-60))


def test_with_certificates_only_those_who_have_one_get_in(tmp_path: Path) -> None:
    ca = certificates.authority()
    certificates.write(tmp_path, "ca", ca)
    for name in ("server", "service"):
        certificates.write(tmp_path, name, certificates.issue(ca, name))
    trusted, key, own = (
        (tmp_path / name).read_bytes() for name in ("ca.crt", "service.key", "service.crt")
    )
    running = Neighbours("--certificates", str(tmp_path))
    try:
        for credentials, gets_in in (
            (grpc.ssl_channel_credentials(trusted, key, own), True),
            (grpc.ssl_channel_credentials(trusted), False),
        ):
            with grpc.secure_channel(running.auth, credentials) as channel:
                ready = grpc.channel_ready_future(channel)
                if gets_in:
                    ready.result(timeout=20)
                else:
                    call: Any = channel.unary_unary("/auth.v1.AuthService/ValidateToken")
                    with pytest.raises(grpc.RpcError) as refused:
                        call(b"", timeout=20)
                    ended: Any = refused.value
                    assert ended.code() is grpc.StatusCode.UNAVAILABLE
                ready.cancel()
    finally:
        running.close()
