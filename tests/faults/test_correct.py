"""Operators correct while events come in, and their commands are killed: each is made once."""

import json
from uuid import UUID

import psycopg
import pytest

from gamification.domain.ids import CustomerId, MerchantId
from tests.faults.commands import command
from tests.faults.harness import KILLED, Chain
from tests.oracle.expected import Correction, Person

pytestmark = pytest.mark.faults

SOME = """
    SELECT merchant_id::text, customer_id::text, max(entry)
      FROM ledger WHERE exp > 0 GROUP BY 1, 2 ORDER BY 2 LIMIT %s
"""
ENTRY = """
    SELECT exp, coins FROM ledger WHERE (merchant_id, customer_id, entry) = (%s, %s, %s)
"""
WHY = "--reason", "ticket 7", "--actor", "eva", "--yes", "--json"


def person_of(merchant: str, customer: str) -> Person:
    return MerchantId(UUID(merchant).bytes), CustomerId(UUID(customer).bytes)


@pytest.mark.slow
def test_corrections_survive_their_commands_death(chain: Chain) -> None:
    chain.start("award", "relay", "project")
    chain.load(events=3_000, per_s=300)
    chain.wait_counted(500)
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        people = database.execute(SOME, (2,)).fetchall()
    points = "correct.before_commit:1", "correct.after_commit:1", ""
    for merchant, customer, _entry in people:
        whom = "--merchant-id", merchant, "--customer-id", customer
        given = "--exp", "700", "--coins", "9", "--key", "T-7"
        ends = [command(chain, "award", *whom, *given, *WHY, kill_at=at) for at in points]
        assert [end.returncode for end in ends] == [KILLED, KILLED, 0], ends[-1].stderr
        [said] = json.loads(ends[-1].stdout)
        assert said["was_done_before"] == "true"
        chain.corrections[person_of(merchant, customer)] = [Correction("award:T-7", 700, 9)]
    chain.wait_all_counted()  # what is taken, the model takes last
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        for merchant, customer, entry in people:
            [(exp, coins)] = database.execute(ENTRY, (merchant, customer, entry)).fetchall()
            whose = "--merchant-id", merchant, "--customer-id", customer, "--entry", str(entry)
            ends = [command(chain, "reverse", *whose, *WHY, kill_at=at) for at in points]
            assert [end.returncode for end in ends] == [KILLED, KILLED, 0], ends[-1].stderr
            made = chain.corrections[person_of(merchant, customer)]
            made.append(Correction(f"reverse:{entry}", -exp, -coins))
    chain.settle()


def test_what_cannot_be_corrected_is_said_in_one_line(chain: Chain) -> None:
    nobody = "--merchant-id", str(UUID(int=1)), "--customer-id", str(UUID(int=2))
    unknown = command(chain, "reverse", *nobody, "--entry", "1", *WHY)
    assert (unknown.returncode, unknown.stderr) == (1, "merchant_id: no such merchant\n")
    neither = command(chain, "reverse", *nobody, *WHY)
    assert (neither.returncode, neither.stderr) == (2, "--entry, --event-id: one of the two\n")
    name = command(chain, "award", *nobody, "--key", "k", "--reason", "r", "--actor", "Eva Braun")
    assert (name.returncode, name.stderr.split(":")[0]) == (2, "--actor")
    nowhere = chain.addresses.postgres_dsn.replace("127.0.0.1:", "127.0.0.1:1")
    chain.settings["GAMIFICATION_POSTGRES_DSN"] = nowhere
    away = command(chain, "award", *nobody, "--exp", "1", "--key", "k", *WHY)
    assert (away.returncode, away.stderr[:12]) == (3, "unavailable:")
