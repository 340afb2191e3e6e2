"""Looks after the processes of a round: counts who dies at a kill point, wakes who froze at one.

Whoever ends in any other way, and was not told to, is what the run looks for.
"""

import threading
import time
from pathlib import Path
from random import Random
from typing import Final, Self

from tests.chaos.crashes import in_librdkafka
from tests.chaos.world import Member, World

LOOK_EVERY_S: Final = 0.1
KILLED: Final = -9
ASLEEP_S: Final = (1.0, 4.0, 13.0, 22.0)
"""Shorter and longer than a session of Kafka's or Postgres' lives."""
WORDS: Final = 2_500


class Warden:
    """A thread, from `with` to its end."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._sleepers: list[tuple[float, Member]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warden", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - a round must not go on unwatched
                self._world.fail(f"the warden gave up: {error!r}")
                return

    def _look(self) -> None:
        for member in list(self._world.members):
            if member.may_end:
                continue
            if not member.worker.is_running():
                self._ended(member)
            elif member.action == "stop" and not member.is_held and _is_frozen(member):
                self._fell_asleep(member)
        now_s = time.monotonic()
        for until_s, member in list(self._sleepers):
            if now_s >= until_s or self._world.is_calm:
                self._sleepers.remove((until_s, member))
                self._world.journal.note("wakes", worker=member.worker.name)
                self._world.thaw(member)

    def _ended(self, member: Member) -> None:
        world, worker = self._world, member.worker
        if member.may_end:  # killed since we looked
            return
        member.may_end = True
        world.chain.excuse(worker)
        code = worker.exit_code
        if member.action == "kill" and code == KILLED:
            world.tally.hit(member.point, "kill")
            world.journal.note("hit", point=member.point, action="kill", worker=worker.name)
            world.successor(member.kind)
            return
        if in_librdkafka(member.kind, worker):
            world.crashed(member)
            world.successor(member.kind)
            return
        world.fail(f"{worker.name} ended with {code}:\n{worker.log_text()[-WORDS:]}")
        world.launch(member.kind)

    def _fell_asleep(self, member: Member) -> None:
        world = self._world
        world.tally.hit(member.point, "stop")
        for_s = self._random.choice(ASLEEP_S)
        world.journal.note(
            "hit", point=member.point, action="stop", worker=member.worker.name, for_s=for_s
        )
        member.action = ""
        self._sleepers.append((time.monotonic() + for_s, member))


def _is_frozen(member: Member) -> bool:
    try:
        status = Path(f"/proc/{member.worker.pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "T"
