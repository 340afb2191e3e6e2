"""The order in which everything is sent: good, late, repeated and bad, from one seed.

Events move through `days` days up to `until_ms`; most happen about when they are sent, some
hours, some days, a few weeks earlier. One in ten is sent again: at once, some thousand records
later, or at the end through the replay topic.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle
from random import Random
from typing import Final, TypeAlias

from bench.workload import doings, faults
from bench.workload.delivery import Delivery, Fault, Headers
from bench.workload.doings import Doing
from bench.workload.population import Customer, Population
from gamification.domain.activity import Activity, Kind

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
REPLAY: Final = "gamification.replay"
REPEAT_LATER: Final = 3_000
"""Records between an event and its repetition in another batch, at most."""
REPLAYS_MAX: Final = 20_000
NOWHERE: Final = 10**12
"""Offsets from here on are no real record's: what is replayed stands for no letter that exists."""
RECORD_AGE_MS: Final = HOUR_MS
"""Records say that they were made within this time before `until_ms`: brokers delete by it."""
PRIZES_TOLD_TWICE: Final = 0.05
"""Share of the tournaments' events that tell of a prize which another event told of."""
WINS_REMEMBERED: Final = 50

Wins: TypeAlias = deque[tuple[Customer, doings.Fields]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Makes the same deliveries whenever it is asked; see `generate`."""

    seed: int
    events: int
    until_ms: int
    population: Population
    duplicates: float
    days: int
    bad_of_each: int
    kinds: tuple[Kind, ...]
    """One is picked for each event; a kind that is there more often happens more often."""

    def settings(self) -> Iterator[Delivery]:
        """First wave: who the customers are. Must be counted before `main` is sent."""
        random = Random(f"settings {self.seed}")
        start_ms = self.until_ms - (self.days + 60) * DAY_MS
        for customer in self.population.customers:
            if customer.has_settings and Kind.CUSTOMER_UPDATED in self.kinds:
                fields = doings.first_settings(customer, random)
                yield self._first(
                    doings.doing(random, customer, Kind.CUSTOMER_UPDATED, fields, start_ms),
                    self.until_ms - RECORD_AGE_MS,
                )

    def main(self) -> Iterator[Delivery]:
        """Everything else, duplicates and bad records between the good ones."""
        random = Random(f"main {self.seed}")
        later: deque[tuple[int, Delivery]] = deque()
        replays: list[Delivery] = []
        wins: Wins = deque(maxlen=WINS_REMEMBERED)
        bad = self._bad_places()
        for number in range(self.events):
            delivery = self._next(random, number, wins)
            yield delivery
            if random.random() < self.duplicates:
                match random.random():
                    case share if share < 0.5:
                        yield _again(delivery, random)
                    case share if share < 0.85 or len(replays) >= REPLAYS_MAX:
                        due = number + random.randrange(50, REPEAT_LATER)
                        later.append((due, _again(delivery, random)))
                    case _:
                        replays.append(_replayed(delivery, NOWHERE + len(replays)))
            if later and later[0][0] <= number:
                yield later.popleft()[1]
            for recipe in bad.get(number, ()):
                yield self._spoiled(random, recipe, number)
            if number in bad and number % 4 == 0:
                yield self._conflicting(delivery)
        yield from (delivery for _due, delivery in later)
        yield from replays

    def activities(self) -> Iterator[Activity]:
        """Every valid event, once: what must be counted when both waves are through."""
        for delivery in chain(self.settings(), self.main()):
            if delivery.activity is not None:
                yield delivery.activity

    def _next(self, random: Random, number: int, wins: Wins) -> Delivery:
        """`wins`: who won what lately; now and then another event tells of the same prize."""
        customer = self.population.anyone(random)
        kind = random.choice(self.kinds)
        fields = doings.MAKERS[kind](random)
        if kind is Kind.TOURNAMENT_RESULT:
            if wins and random.random() < PRIZES_TOLD_TWICE:
                customer, fields = random.choice(wins)
            elif fields["outcome"] == "WIN":
                wins.append((customer, fields))
        states_time = random.random() < 0.95
        sent_ms = self.until_ms - RECORD_AGE_MS + RECORD_AGE_MS * number // self.events
        occurred_ms = self._occurred_ms(random, number) if states_time else sent_ms
        return self._first(
            doings.doing(
                random,
                customer,
                kind,
                fields,
                occurred_ms,
                states_time=states_time,
                loud=random.random() < 0.01,
            ),
            sent_ms,
            stray=random.random() < 0.002,
        )

    def _occurred_ms(self, random: Random, number: int) -> int:
        """Late by hours for one in seven, by days for one in thirty, by weeks for one in 100."""
        span_ms = self.days * DAY_MS
        on_time_ms = self.until_ms - span_ms + span_ms * number // self.events
        match random.random():
            case luck if luck < 0.01:
                late_ms = random.randrange(7 * DAY_MS, 50 * DAY_MS)
            case luck if luck < 0.04:
                late_ms = random.randrange(DAY_MS, 7 * DAY_MS)
            case luck if luck < 0.18:
                late_ms = random.randrange(HOUR_MS, DAY_MS)
            case _:
                late_ms = random.randrange(60_000)
        return on_time_ms - late_ms

    def _first(self, doing: Doing, sent_ms: int, *, stray: bool = False) -> Delivery:
        """`stray`: the record's key is not the customer, which is its producer's affair."""
        topic = doing.activity.kind.value
        key = b"stray" if stray else doing.customer.text.encode()
        return Delivery(topic, key, topic, doing.datum, sent_ms, (), doing.activity, None)

    def _bad_places(self) -> dict[int, list[faults.Recipe]]:
        """After which events the bad records come: spread evenly, each kind equally often."""
        places: dict[int, list[faults.Recipe]] = {}
        total = self.bad_of_each * len(faults.RECIPES)
        for turn, recipe in zip(range(total), cycle(faults.RECIPES), strict=False):
            places.setdefault((turn + 1) * self.events // (total + 1), []).append(recipe)
        return places

    def _spoiled(self, random: Random, recipe: faults.Recipe, number: int) -> Delivery:
        customer: Customer = self.population.anyone(random)
        good = doings.doing(
            random,
            customer,
            recipe.kind,
            doings.MAKERS[recipe.kind](random),
            self._occurred_ms(random, number),
        )
        return Delivery(
            recipe.kind.value,
            customer.text.encode(),
            recipe.kind.value,
            recipe.datum(good.datum),
            self.until_ms - RECORD_AGE_MS,
            (),
            None,
            recipe.fault_of(good.datum, customer.merchant.id),
        )

    def _conflicting(self, delivery: Delivery) -> Delivery:
        """Right behind what it contradicts, in the same partition: the first one is counted."""
        assert delivery.activity is not None  # noqa: S101  # only first deliveries come here
        other = faults.other_content(delivery.activity.kind, delivery.datum)
        base = faults.CONFLICTING
        fault = Fault(base.name, base.reason, None, delivery.activity.merchant_id)
        return delivery._replace(datum=other, activity=None, fault=fault)


def _again(delivery: Delivery, random: Random) -> Delivery:
    """The same event; who repeats it may trace it under another id."""
    trace = f"trace-{random.randrange(1_000_000)}" if random.random() < 0.3 else None
    return delivery._replace(datum={**delivery.datum, "trace_id": trace}, activity=None)


def _replayed(delivery: Delivery, offset: int) -> Delivery:
    """The same bytes through the replay topic, as an operator who is too careful sends them."""
    headers: Headers = (
        ("dlq.origin.topic", delivery.topic.encode()),
        ("dlq.origin.partition", b"0"),
        ("dlq.origin.offset", str(offset).encode()),
        ("dlq.origin.timestamp", str(delivery.timestamp_ms).encode()),
        ("dlq.reason", b"invalid_field"),
        ("dlq.detail", b"was refused before a correction"),
        ("dlq.attempts", b"1"),
        ("dlq.first_failed_at", b"2026-01-01T00:00:00.000Z"),
    )
    return delivery._replace(topic=REPLAY, headers=headers, activity=None)


def generate(  # noqa: PLR0913  # each is a property of the stream that a caller may choose
    seed: int,
    events: int,
    *,
    until_ms: int,
    merchants: int = 3,
    customers: int = 2_000,
    duplicates: float = 0.1,
    days: int = 28,
    bad_of_each: int = 3,
) -> Stream:
    """A realistic stream over all input topics.

    `events` counts distinct valid events after the settings; `duplicates` is the share of them
    that is sent twice; `until_ms` (1970) is about now: a broker that keeps records for days
    drops older ones. `bad_of_each` is how often each kind of bad record comes.
    """
    kinds = tuple(kind for kind, share in doings.SHARES.items() for _ in range(share))
    return Stream(
        seed=seed,
        events=events,
        until_ms=until_ms,
        population=Population(seed, merchants, customers),
        duplicates=duplicates,
        days=days,
        bad_of_each=bad_of_each,
        kinds=kinds,
    )


def points_only(
    seed: int, events: int, customers: int, *, until_ms: int, duplicates: float = 0.1
) -> Stream:
    """Nothing but one day's `points.earned`, evenly over the customers: for measuring."""
    return Stream(
        seed=seed,
        events=events,
        until_ms=until_ms,
        population=Population(seed, 3, customers, even=True),
        duplicates=duplicates,
        days=1,
        bad_of_each=0,
        kinds=(Kind.POINTS_EARNED,),
    )
