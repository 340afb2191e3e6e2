"""Lanes share the topics out among them, and nothing else."""

from gamification.adapters.kafka.topics import PRODUCED, RELAY_LANES
from gamification.application.relay_lanes import LANES

NAMES = dict(enumerate(PRODUCED))


def test_each_topic_has_one_lane() -> None:
    published = [
        name for lane in LANES for code, name in NAMES.items() if code not in lane.of_others(NAMES)
    ]
    assert sorted(published) == sorted(PRODUCED)


def test_each_lane_has_a_partition_and_a_producer_of_its_own() -> None:
    assert sorted(lane.shard for lane in LANES) == list(range(RELAY_LANES))
    assert len({lane.transactional_id for lane in LANES}) == len(LANES)


def test_one_keeps_house_and_waits_for_all_others() -> None:
    [housekeeper] = [lane for lane in LANES if lane.keeps_house]
    assert {housekeeper.shard, *housekeeper.others} == {lane.shard for lane in LANES}
