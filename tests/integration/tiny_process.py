"""Small real processes for tests to start: `python -m tests.integration.tiny_process NAME HOW`."""

import sys
import time
from collections.abc import Callable

from consumers.process import Process, run
from consumers.retry import retry_while_unavailable
from gamification.domain.errors import Halt, InvariantBroken, Unavailable
from gamification.telemetry import killpoints, logs


def wait(process: Process) -> None:
    process.stop.wait(0.05)


def turn(process: Process) -> None:
    """What every consumer does."""
    process.readiness("database", lambda: None)
    retry_while_unavailable(process, lambda: wait(process))


def fail_once(process: Process) -> None:
    outcomes = [Unavailable("postgres: refused")]

    def work() -> None:
        if outcomes:
            raise outcomes.pop()
        process.stop.wait(0.05)

    retry_while_unavailable(process, work)


def unready(process: Process) -> None:
    def away() -> None:
        raise ConnectionError("no route to postgres")

    process.readiness("database", away)
    process.readiness("broker", lambda: None)
    retry_while_unavailable(process, lambda: wait(process))


def hang(process: Process) -> None:
    """Says that it turned once, then never looks at anything again."""
    process.heartbeat()
    time.sleep(3600)


def print_secret(process: Process) -> None:
    logs.get("tiny").info("connecting", dsn=process.settings.postgres_dsn.get_secret_value())
    raise RuntimeError(process.settings.postgres_dsn.get_secret_value())


def finish(_: Process) -> None:
    return


def halt(_: Process) -> None:
    raise InvariantBroken("the ledger and the balances differ")


def give_up(_: Process) -> None:
    raise Unavailable("postgres: refused")


def crash(_: Process) -> None:
    raise RuntimeError("a bug")


def reach_a_kill_point(_: Process) -> None:
    for times in (1, 2):
        killpoints.reached("here")
        logs.get("tiny").info("reached", times=times)


def halt_in_loop(process: Process) -> None:
    def work() -> None:
        raise Halt("going on would do harm")

    retry_while_unavailable(process, work)


HOW: dict[str, Callable[[Process], None]] = {
    "turn": turn,
    "fail_once": fail_once,
    "unready": unready,
    "hang": hang,
    "print_secret": print_secret,
    "finish": finish,
    "halt": halt,
    "give_up": give_up,
    "crash": crash,
    "reach_a_kill_point": reach_a_kill_point,
    "halt_in_loop": halt_in_loop,
}

if __name__ == "__main__":
    sys.exit(run(sys.argv[1], HOW[sys.argv[2]]))
