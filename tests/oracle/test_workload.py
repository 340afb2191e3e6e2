"""The stream is what it says it is: repeatable, mixed, and meant as the decoder understands it."""

import json
from collections import Counter
from itertools import chain

import pytest

from bench.workload import Delivery, Stream, WriterSchemas, generate, points_only
from bench.workload.faults import RECIPES
from bench.workload.stream import DAY_MS, HOUR_MS, REPLAY
from bench.workload.writer import HOSTILE_SCHEMA, SCHEMAS
from gamification.domain.activity import Kind
from gamification.domain.errors import Reason, Rejected
from gamification.wire.decode import Decoder
from gamification.wire.envelope import Decoded, Record
from gamification.wire.rulebook.load import load
from tests.oracle.builders import at_ms
from tests.oracle.model import expected

UNTIL_MS = at_ms("2026-11-21")
EVENTS = 6_000
OWN = {kind.value: (SCHEMAS / f"{kind}.avsc").read_text() for kind in Kind}


@pytest.fixture(scope="module")
def stream() -> Stream:
    return generate(5, EVENTS, until_ms=UNTIL_MS, customers=300)


@pytest.fixture(scope="module")
def deliveries(stream: Stream) -> list[Delivery]:
    return [*stream.settings(), *stream.main()]


def decoded(deliveries: list[Delivery]) -> list[Decoded]:
    """As the engine reads them, one partition each."""
    writer = WriterSchemas.without_registry()
    by_id = dict(enumerate(OWN.values(), start=1))

    def schema_of(number: int) -> str:
        if number == writer.hostile_id:
            return json.dumps(HOSTILE_SCHEMA)
        if number not in by_id:
            raise Rejected(Reason.UNKNOWN_SCHEMA, "no such schema")
        return by_id[number]

    decoder = Decoder(schema_of, readers=OWN, now_ms=lambda: UNTIL_MS)
    records = []
    for offset, one in enumerate(deliveries):
        value: bytes | None = writer.encode(one.schema, one.datum)
        if one.fault is not None and one.fault.spoil is not None:
            value = one.fault.spoil(value or b"", writer.hostile_id)
        records.append(Record(one.topic, 0, offset, one.timestamp_ms, one.key, value, one.headers))
    return decoder.decode_all(records)


def test_the_same_seed_gives_the_same_stream(stream: Stream, deliveries: list[Delivery]) -> None:
    again = generate(5, EVENTS, until_ms=UNTIL_MS, customers=300)
    other = generate(6, EVENTS, until_ms=UNTIL_MS, customers=300)

    assert [*again.settings(), *again.main()] == deliveries
    assert [*other.main()] != [*stream.main()]


def test_every_valid_event_is_there_once_and_its_repetitions_besides(
    stream: Stream, deliveries: list[Delivery]
) -> None:
    ids = Counter(str(one.datum["event_id"]).lower() for one in deliveries if one.fault is None)
    firsts = [one.activity for one in deliveries if one.activity is not None]

    assert len(firsts) == len(ids) == len(list(stream.activities()))
    assert EVENTS * 0.09 < sum(times - 1 for times in ids.values()) < EVENTS * 0.11
    assert max(ids.values()) == 2


def test_duplicates_come_at_once_later_and_through_the_replay_topic(
    deliveries: list[Delivery],
) -> None:
    places: dict[str, list[int]] = {}
    for place, one in enumerate(deliveries):
        if one.fault is None:
            places.setdefault(str(one.datum["event_id"]), []).append(place)
    gaps = [pair[1] - pair[0] for pair in places.values() if len(pair) == 2]

    assert sum(gap == 1 for gap in gaps) > 100
    assert sum(gap > 1_000 for gap in gaps) > 100
    assert sum(one.topic == REPLAY for one in deliveries) > 50


def test_all_topics_merchants_and_kinds_of_lateness_occur(
    stream: Stream, deliveries: list[Delivery]
) -> None:
    main = [one for one in stream.main() if one.activity is not None]
    times = [one.activity.occurred_ms for one in main if one.activity is not None]
    behind = [max(times[: place + 1]) - time for place, time in enumerate(times)]

    assert {one.topic for one in deliveries} == {*OWN, REPLAY}
    assert len({one.activity.merchant_id for one in main if one.activity is not None}) == 3
    assert sum(late > HOUR_MS for late in behind) > EVENTS * 0.1
    assert sum(late > DAY_MS for late in behind) > EVENTS * 0.02
    assert sum(late > 7 * DAY_MS for late in behind) > EVENTS * 0.005
    assert sum(one.datum["occurred_at"] is None for one in main) > EVENTS * 0.02


def test_the_decoder_understands_each_valid_event_as_it_was_meant(
    deliveries: list[Delivery],
) -> None:
    for one, read in zip(deliveries, decoded(deliveries), strict=True):
        if one.activity is not None:
            assert read.activity is not None, read.letter
            for name in ("kind", "merchant_id", "customer_id", "event_id", "occurred_ms"):
                assert getattr(read.activity, name) == getattr(one.activity, name), name
            assert read.activity.fields == one.activity.fields


def test_each_bad_record_is_refused_for_its_reason_and_each_kind_occurs(
    deliveries: list[Delivery],
) -> None:
    seen: Counter[str] = Counter()
    for one, read in zip(deliveries, decoded(deliveries), strict=True):
        if one.fault is None:
            assert read.activity is not None
        elif one.fault.reason is Reason.CONFLICTING_DUPLICATE:
            assert read.activity is not None  # only the memory of ids can tell
        else:
            assert read.letter is not None, one.fault.name
            assert read.letter.reason is one.fault.reason, one.fault.name
            assert read.letter.merchant_id == one.fault.merchant, one.fault.name
            seen[one.fault.name] += 1

    assert seen == Counter(recipe.fault.name for recipe in RECIPES for _ in range(3))


def test_a_conflict_has_other_content_and_comes_behind_what_it_contradicts(
    deliveries: list[Delivery],
) -> None:
    reads = decoded(deliveries)
    first: dict[object, tuple[int, object]] = {}
    conflicts = 0
    for one, read in zip(deliveries, reads, strict=True):
        if read.activity is None:
            continue
        said = read.activity.content_hash, (one.key, read.activity.kind)
        known = first.setdefault((read.activity.merchant_id, read.activity.event_id), said)
        if one.fault is None:
            assert known[0] == said[0], "a duplicate says the same"
        else:
            conflicts += 1
            assert known[0] != said[0]
            assert known[1] == said[1], "in the same partition"

    assert conflicts > 10


def test_settings_come_first_and_no_later_update_moves_a_known_time_zone(stream: Stream) -> None:
    for one in stream.main():
        if one.activity is not None and one.activity.kind is Kind.CUSTOMER_UPDATED:
            assert one.activity.fields.get("timezone") in {None, "Mars/Olympus"}


def test_the_model_has_an_answer_to_all_of_it(stream: Stream) -> None:
    """Prizes under one key agree; nothing is spent."""
    default = (SCHEMAS / "rulebooks" / "default.yaml").read_text()

    got = expected(stream.activities(), load(default))

    assert len(got) > 250
    assert sum(sum(one.refused.values()) for one in got.values()) > 5
    assert len({badge for one in got.values() for badge in one.badges}) > 12


def test_points_only_is_nothing_but_points_and_their_duplicates() -> None:
    stream = points_only(3, 5_000, 1_000, until_ms=UNTIL_MS)
    sent = list(chain(stream.settings(), stream.main()))

    assert {one.schema for one in sent} == {Kind.POINTS_EARNED.value}
    assert 5_400 < len(sent) < 5_600
    assert not any(one.fault for one in sent)
