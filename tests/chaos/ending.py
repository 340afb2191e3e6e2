"""The end of a round: everything mended, sent, answered, replayed, drained; then the audit."""

import time
from typing import Final

import psycopg
from confluent_kafka import KafkaException

from gamification.domain.activity import Activity
from tests.chaos import operators
from tests.chaos.callers import Callers
from tests.chaos.points import LETTERS, of_command
from tests.chaos.tally import RoundResult
from tests.chaos.world import World
from tests.faults.commands import reprocess
from tests.faults.deliveries import activity_of
from tests.faults.ground import Ground, deadlocks
from tests.waiting import eventually

HANDLED_WITHIN_S: Final = 150
DRAINED_WITHIN_S: Final = 150
REPLAYED_WITHIN_S: Final = 60
KILLED: Final = -9

PARKED: Final = "SELECT count(*) FROM dead_letters WHERE reason = 'poison' AND status = 'parked'"
ROOM: Final = "UPDATE profiles SET exp = 0 WHERE exp >= 9007199254740992"
TOLD: Final = ('"relay_undecided"', '"relay_repaired"')
WRONG: Final = ('"crashed"', '"halted"')


def finish(world: World, callers: Callers, ground: Ground, result: RoundResult) -> None:
    """Compare everything when nothing is on its way any more. Raises AssertionError and others."""
    chain = world.chain
    ground.revive()
    world.journal.note("calm")
    world.muster()
    result.records = world.finish_sendings()
    callers.finish()
    world.journal.note("answered", calls=callers.answered, refused=callers.refused)
    # A broker that is just back may still refuse to say where its topics end.
    eventually(lambda: _handled(world), within_s=HANDLED_WITHIN_S)
    world.journal.note("handled")
    _replay_poison(world)
    world.journal.note("replayed", letters=len(world.poisoned))
    chain.drain(DRAINED_WITHIN_S)
    operators.correct(world)
    operators.send_a_window_again(world)
    chain.drain(DRAINED_WITHIN_S)
    world.journal.note("drained")
    result.calls = sum(map(len, callers.granted.values()))
    result.letters = chain.dead_letters()
    result.events = len(chain.activities)
    chain.granted = callers.granted
    result.take(chain.audit())
    met = deadlocks(chain.addresses.postgres_dsn)
    if met:
        result.problems.append(f"Postgres had to resolve {met} deadlocks")
    _read_logs(world, result)


def _replay_poison(world: World) -> None:
    """An operator mends the cause and sends the letters again, killed at every point of that."""
    if not world.poisoned:
        return
    chain = world.chain
    wanted = len(world.poisoned)
    eventually(lambda: _parked(world) == wanted, within_s=REPLAYED_WITHIN_S, every_s=0.2)
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute(ROOM)
    only = "replay", "--reason", "poison", "--yes"
    for point in of_command(LETTERS):
        code = reprocess(chain, *only, "--rate", "40", kill_at=f"{point}:1").returncode
        if code == KILLED:
            world.tally.hit(point, "kill")
    deadline = time.monotonic() + REPLAYED_WITHIN_S
    # Letters that are not in their topic yet are left for the next time.
    while reprocess(chain, *only).returncode != 0:
        assert time.monotonic() < deadline, "letters are left that cannot be sent again"
    replayed: list[Activity] = [activity_of(each) for each in world.poisoned]
    chain.activities += replayed
    chain.letter_statuses["poison"] = "resolved"


def _handled(world: World) -> None:
    try:
        world.chain.wait_inputs_handled(HANDLED_WITHIN_S)
    except KafkaException as error:
        raise AssertionError(str(error)) from error


def _parked(world: World) -> int:
    with psycopg.connect(world.chain.addresses.postgres_dsn) as database:
        row = database.execute(PARKED).fetchone()
    return int(row[0]) if row else 0


def _read_logs(world: World, result: RoundResult) -> None:
    for member in world.members:
        text = member.worker.log_text()
        result.undecided += text.count(TOLD[0])
        result.repaired += text.count(TOLD[1])
        for wrong in WRONG:
            if wrong in text:
                line = next(each for each in text.splitlines() if wrong in each)
                result.problems.append(f"{member.worker.name}: {line}")
