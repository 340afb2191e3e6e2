"""Faults of what is sent: again and again, poisonous, hostile, contradictory, out of order."""

from dataclasses import replace
from itertools import chain as joined
from typing import Final

import psycopg

from bench.workload import Delivery
from cli.migrate import DEFAULT_RULEBOOK
from gamification.adapters.postgres.session import EngineSession
from gamification.application.rulebook_admin import activate
from gamification.bootstrap.award import now_ms
from gamification.domain.activity import Kind
from gamification.domain.errors import Reason
from gamification.domain.ids import DEFAULT_MERCHANT
from tests.chaos.fault import Fault
from tests.faults.deliveries import activity_of, again, contradicted, firsts, poisonous, replayed

TIMES: Final = 10
STORM_EVENTS: Final = 120
STORM_PER_S: Final = 600
POISON_EVENTS: Final = 24
CONTRADICTED: Final = 40
LATE_EVENTS: Final = 300
LATE_DAYS: Final = 120
AHEAD_MS: Final = 12 * 3_600_000
FULL: Final = """
    INSERT INTO profiles (merchant_id, customer_id, exp) VALUES (%s, %s, 9007199254740992)
    ON CONFLICT DO NOTHING
"""


class DuplicatesTenfold(Fault):
    name = "duplicates-tenfold"
    what = "events ten times more, those that paid nothing too, also as replays"

    def inject(self) -> object:
        events = self.random.sample(self.world.events, STORM_EVENTS)
        storm = [*again(events * (TIMES - 1)), *replayed(events)]
        self.random.shuffle(storm)
        self.world.send(storm, STORM_PER_S)
        return len(storm)


class Poison(Fault):
    name = "poison"
    what = "records that spoil the transaction they are in, until an operator mends their cause"
    touches = frozenset({"postgres"})

    def inject(self) -> object:
        """Customers who have all the EXP that fits get some more."""
        strangers = firsts(self.world.chain.stream(200, seed=self.random.getrandbits(60)))
        bad = [each for each in strangers if each.topic == Kind.POINTS_EARNED][:POISON_EVENTS]
        with psycopg.connect(self.world.chain.addresses.postgres_dsn) as database:
            for each in bad:
                database.execute(FULL, (each.datum["merchant_id"], each.datum["customer_id"]))
        self.world.poisoned += bad
        self.world.send(poisonous(bad), per_s=10)
        return len(bad)


class HostileBytes(Fault):
    name = "hostile-bytes"
    what = "every kind of bad record: cut, huge, text, unknown and recursive schemas, wrong fields"

    def inject(self) -> object:
        stream = self.world.more(self.random.getrandbits(60), 200, bad_of_each=2)
        hostile = [
            each
            for each in stream.main()
            if each.fault is not None and each.fault.reason is not Reason.CONFLICTING_DUPLICATE
        ]
        self.world.send(hostile, per_s=40)
        return len(hostile)


class OtherContent(Fault):
    name = "other-content"
    what = "known ids with other content"

    def inject(self) -> object:
        """Each behind its original in one partition: the first one is what counts."""
        events = self.random.sample(self.world.events, CONTRADICTED)
        pairs = (joined(again([each]), contradicted([each])) for each in events)
        self.world.send(joined.from_iterable(pairs), per_s=40)
        return CONTRADICTED


class OutOfOrder(Fault):
    name = "out-of-order"
    what = "events of months, backwards and shuffled, some of them of tomorrow"

    def inject(self) -> object:
        stream = self.world.more(self.random.getrandbits(60), LATE_EVENTS, days=LATE_DAYS)
        events = [
            _of_tomorrow(each) if self.random.random() < 0.1 else each for each in firsts(stream)
        ]
        activities = [activity_of(each) for each in events]
        events.reverse()
        mixed = [*events, *again(self.random.sample(events, LATE_EVENTS // 3))]
        if self.random.random() < 0.5:
            self.random.shuffle(mixed)
        self.world.send(mixed, per_s=100, activities=activities)
        return len(mixed)


class RulesAgain(Fault):
    name = "rules-again"
    what = "the rulebook in force is activated once more: workers must read it again"
    touches = frozenset({"postgres"})

    def inject(self) -> object:
        session = EngineSession(self.world.chain.addresses.postgres_dsn, "chaos")
        try:
            activate(session, DEFAULT_MERCHANT, DEFAULT_RULEBOOK.read_text(), "chaos", now_ms)
        finally:
            session.close()
        return None


def _of_tomorrow(delivery: Delivery) -> Delivery:
    """Where the event says when it was: twelve hours later."""
    occurred_ms = delivery.datum["occurred_at"]
    if not isinstance(occurred_ms, int):
        return delivery
    activity = activity_of(delivery)
    later_ms = now_ms() + AHEAD_MS
    return delivery._replace(
        datum={**delivery.datum, "occurred_at": later_ms},
        activity=replace(activity, occurred_ms=later_ms),
    )
