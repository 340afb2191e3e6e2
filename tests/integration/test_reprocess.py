"""Dead letters are sent again: those that are meant, whole, each once, at the rate asked for."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

import pytest

from deploy.devstack.server import Addresses
from gamification.adapters.kafka.letters import LetterReader
from gamification.adapters.postgres import dead_letters, letter_index, outbox
from gamification.adapters.postgres.session import EngineSession
from gamification.application.reprocess import Replayer, Sent, discard_all
from gamification.domain.errors import Reason
from gamification.domain.ids import DEFAULT_MERCHANT, EventId, MerchantId
from gamification.domain.letter import LetterFilter, LetterStatus
from gamification.wire.dead_letter import letter_id, letter_that_came_back, outbox_row
from gamification.wire.envelope import DeadLetter, Position, Record
from tests import relays
from tests.servers import Topics

pytestmark = pytest.mark.servers

SHOP = MerchantId(uuid.UUID("6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0001").bytes)
OTHER = MerchantId(uuid.UUID("6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0002").bytes)
ALL = LetterFilter()
PER_S = 5_000.0
REPLAYS = 11
"""Code of `gamification.replay`."""


def never(_seconds: float) -> bool:
    return False


def a_letter(
    number: int,
    *,
    topic: str = "points.earned",
    reason: Reason = Reason.MALFORMED,
    merchant: MerchantId | None = SHOP,
    attempts: int = 1,
) -> DeadLetter:
    return DeadLetter(
        origin=Position(topic, 0, number),
        origin_timestamp_ms=1_795_000_000_000 + number,
        source=Position(topic, 0, number),
        key=b"k%d" % (number % 5),
        value=b"\xff\0 %d" % number,
        by_reference=False,
        reason=reason,
        detail="value: truncated",
        attempts=attempts,
        first_failed_ms=1_795_000_000_000,
        traceparent=relays.TRACEPARENT,
        event_id=EventId(number.to_bytes(16, "big")),
        merchant_id=merchant,
    )


def id_of(letter: DeadLetter) -> bytes:
    return bytes.fromhex(letter_id(letter.origin, letter.attempts).replace("-", ""))


class World:
    """A database, its letters in a topic of their own, and a topic for those sent again."""

    def __init__(self, dsn: str, bootstrap: str, topics: Topics) -> None:
        self.dsn = dsn
        self.bootstrap = bootstrap
        self.lane = relays.lane()
        topics.create(self.lane.position_topic, partitions=1)
        self.letters = topics.fresh("letters", partitions=3)
        self.replays = topics.fresh("replays", partitions=2)
        relays.do(dsn, relays.RENAME, self.letters, relays.LETTERS)
        relays.do(dsn, relays.RENAME, self.replays, REPLAYS)
        self.session = EngineSession(dsn, "tests")

    def park(self, letters: Sequence[DeadLetter]) -> None:
        """As the award worker does, and published."""
        with self.session.transaction() as tx:
            dead_letters.park(tx, letters)
            outbox.append(tx, [outbox_row(letter) for letter in letters], [])
        self.publish()

    def publish(self) -> None:
        with relays.relay_of(self.dsn, self.bootstrap, self.lane) as relay:
            relays.turn_until(relay, self.dsn, relays.last_id(self.dsn))

    def replay(
        self,
        wanted: LetterFilter = ALL,
        *,
        pause: Callable[[float], bool] = never,
        insist: bool = False,
    ) -> Sent:
        with closing(EngineSession(self.dsn, "tests")) as session:
            replayer = Replayer(session, PER_S, pause, insist=insist)
            with closing(LetterReader(self.bootstrap, 0, self.letters)) as reader:
                return replayer.replay(reader.pages(100), wanted)

    def sent(self) -> list[relays.Seen]:
        self.publish()
        return relays.read_committed(self.bootstrap, self.replays)

    def numbers_sent(self) -> list[int]:
        return sorted(int(one.headers["dlq.origin.offset"]) for one in self.sent())

    def numbers(self, status: LetterStatus) -> list[int]:
        found = letter_index.page(self.session, ALL, status, 10_000)
        return sorted(letter.offset for letter in found)


@pytest.fixture
def world(servers: Addresses, database_dsn: str, kafka_topics: Topics) -> Iterator[World]:
    made = World(database_dsn, servers.kafka_bootstrap, kafka_topics)
    yield made
    made.session.close()


def test_each_parked_letter_is_sent_once_with_its_bytes_and_headers(world: World) -> None:
    letters = [a_letter(n) for n in range(250)]
    world.park(letters)
    assert world.replay() == Sent(replayed=250, refused=0, looked_at=250)
    seen = {int(one.headers["dlq.origin.offset"]): one for one in world.sent()}
    assert sorted(seen) == list(range(250))
    for number, one in seen.items():
        assert (one.key, one.value) == (letters[number].key, letters[number].value)
        assert one.headers["traceparent"] == relays.TRACEPARENT
        assert one.headers["dlq.attempts"] == "1"
    assert world.numbers(LetterStatus.REPLAYED) == list(range(250))
    assert world.replay() == Sent(replayed=0, refused=0, looked_at=250)
    assert len(world.sent()) == 250


FILTERS: Final[tuple[tuple[LetterFilter, list[int]], ...]] = (
    (LetterFilter(merchant_id=OTHER), [2]),
    (LetterFilter(event_type="lesson.completed"), [3]),
    (LetterFilter(reason=Reason.POISON), [4]),
    (LetterFilter(id=id_of(a_letter(1))), [1]),
    (LetterFilter(until_ms=1), []),
    (LetterFilter(since_ms=4_000_000_000_000), []),
    (LetterFilter(since_ms=1, until_ms=4_000_000_000_000), [1, 2, 3, 4, 5]),
)


def test_only_those_that_are_meant_are_sent(world: World) -> None:
    letters = [
        a_letter(1),
        a_letter(2, merchant=OTHER),
        a_letter(3, topic="lesson.completed"),
        a_letter(4, reason=Reason.POISON),
        a_letter(5, merchant=None),
    ]
    world.park(letters)
    keys = {id_of(each): each for each in letters}
    asked = [(each.merchant_id or DEFAULT_MERCHANT, name) for name, each in keys.items()]
    for wanted, numbers in FILTERS:
        found = letter_index.among(world.session, wanted, asked)
        assert sorted(keys[name].origin.offset for name in found) == numbers, wanted
        shown = letter_index.page(world.session, wanted, LetterStatus.PARKED, 10)
        assert sorted(letter.offset for letter in shown) == numbers, wanted
    world.replay(LetterFilter(merchant_id=OTHER))
    assert world.numbers_sent() == [2]
    assert world.numbers(LetterStatus.REPLAYED) == [2]


def test_two_at_once_send_each_letter_once(world: World) -> None:
    world.park([a_letter(n) for n in range(400)])
    with ThreadPoolExecutor(2) as threads:
        sent = [each.result() for each in [threads.submit(world.replay) for _ in range(2)]]
    assert sum(each.replayed for each in sent) == 400
    assert world.numbers_sent() == list(range(400))


def test_who_is_interrupted_leaves_the_rest_parked_and_the_next_one_goes_on(world: World) -> None:
    world.park([a_letter(n) for n in range(700)])
    first = world.replay(pause=lambda _seconds: True)
    assert 0 < first.replayed < 700
    assert len(world.numbers(LetterStatus.PARKED)) == 700 - first.replayed
    assert first.replayed + world.replay().replayed == 700
    assert world.numbers_sent() == list(range(700))


def test_what_came_back_three_times_is_sent_only_to_who_insists(world: World) -> None:
    world.park([a_letter(n, attempts=n) for n in (1, 3, 4, 9)])
    assert world.replay() == Sent(replayed=2, refused=2, looked_at=4)
    assert world.numbers(LetterStatus.PARKED) == [4, 9]
    assert world.replay(insist=True).replayed == 2
    assert world.numbers_sent() == [1, 3, 4, 9]


def test_a_discarded_letter_is_not_sent(world: World) -> None:
    world.park([a_letter(1), a_letter(2, reason=Reason.POISON), a_letter(3)])
    assert discard_all(world.session, LetterFilter(reason=Reason.POISON)) == 1
    world.replay()
    assert world.numbers_sent() == [1, 3]
    assert world.numbers(LetterStatus.DISCARDED) == [2]


def test_letters_that_come_while_it_runs_are_left_alone(world: World) -> None:
    """Else one that fails again would be sent again at once."""
    world.park([a_letter(n) for n in range(5)])

    def meanwhile(_seconds: float) -> bool:
        world.park([a_letter(number) for number in (77, 78)])
        return False

    with closing(LetterReader(world.bootstrap, 0, world.letters)) as reader:
        pages = reader.pages(1)
        Replayer(world.session, PER_S, meanwhile).replay(pages, ALL)
    assert world.numbers_sent() == list(range(5))
    assert world.numbers(LetterStatus.PARKED) == [77, 78]


def test_what_came_back_is_known_for_the_letter_that_it_was(world: World) -> None:
    letter = a_letter(7, attempts=2)
    world.park([letter])
    world.replay()
    [one] = world.sent()
    headers = tuple((name, text.encode()) for name, text in one.headers.items())
    record = Record("gamification.replay", 0, 0, 0, one.key, one.value, headers)
    found = letter_that_came_back(record)
    assert found is not None
    with world.session.transaction() as tx:
        dead_letters.resolve(tx, [(OTHER, found), (SHOP, found)])
    assert world.numbers(LetterStatus.RESOLVED) == [7]
