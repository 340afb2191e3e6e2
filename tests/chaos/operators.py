"""What operators do at the end of a round, killed each time: correct customers, replay a window.

After everything else was counted: the order is the meaning of what a correction takes.
"""

from typing import Final
from uuid import UUID

import psycopg

from gamification.domain.activity import Kind
from gamification.domain.ids import CustomerId, MerchantId
from tests.chaos.points import of_command
from tests.chaos.world import World
from tests.faults.commands import command
from tests.oracle.expected import Correction

KILLED: Final = -9
DONE: Final = (0, 1)
"""A window may hold records that nobody can read: 1 says so."""
CUSTOMERS: Final = 2
EXP, COINS = 700, 9
LATEST: Final = """
    SELECT merchant_id::text, customer_id::text, max(entry)
      FROM ledger WHERE exp > 0 GROUP BY 1, 2 ORDER BY 2 LIMIT %s
"""
AMOUNTS: Final = """
    SELECT exp, coins FROM ledger WHERE (merchant_id, customer_id, entry) = (%s, %s, %s)
"""


def correct(world: World) -> None:
    """Some get EXP and coins, and lose what they got last."""
    chain = world.chain
    why = "--reason", "chaos", "--actor", "operator", "--yes"
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        for merchant, customer, entry in database.execute(LATEST, (CUSTOMERS,)).fetchall():
            [(exp, coins)] = database.execute(AMOUNTS, (merchant, customer, entry)).fetchall()
            database.commit()
            whom = "--merchant-id", merchant, "--customer-id", customer
            given = "--exp", str(EXP), "--coins", str(COINS), "--key", "chaos"
            _through_its_deaths(world, "correct", "award", *whom, *given, *why)
            _through_its_deaths(world, "correct", "reverse", *whom, "--entry", str(entry), *why)
            person = MerchantId(UUID(merchant).bytes), CustomerId(UUID(customer).bytes)
            chain.corrections[person] = [
                Correction("award:chaos", EXP, COINS),
                Correction(f"reverse:{entry}", -exp, -coins),
            ]


def send_a_window_again(world: World) -> None:
    """One merchant's points of the whole round: nothing of it is news."""
    merchant = world.stream.population.merchants[0].text
    which = "--event-type", Kind.POINTS_EARNED.value, "--since", "2020-01-01"
    whose = "--merchant-id", merchant, "--rate", "1000", "--yes"
    _through_its_deaths(world, "replay_window", "replay", *which, *whose)


def _through_its_deaths(world: World, family: str, name: str, *arguments: str) -> None:
    """Killed at each of its points, then run to its end."""
    for point in of_command(family):
        if command(world.chain, name, *arguments, kill_at=f"{point}:1").returncode == KILLED:
            world.tally.hit(point, "kill")
    done = command(world.chain, name, *arguments)
    assert done.returncode in DONE, done.stderr
