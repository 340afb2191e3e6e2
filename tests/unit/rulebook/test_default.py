"""The rulebook of everyone without one: it shows the whole language and makes a lively game."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from bench.workload.stream import points_only
from gamification.domain.compile import compile_rulebook
from gamification.domain.decide import decide
from gamification.domain.effects import BadgeAwarded
from gamification.domain.ids import CustomerId
from gamification.domain.merchant import Merchant
from gamification.domain.player import Player
from gamification.domain.rulebook import (
    AllOf,
    AnyOf,
    AtLeast,
    CoinType,
    Criterion,
    EventMetric,
    HasBadge,
    Metric,
    ProfileMetric,
    Tally,
    Window,
)
from gamification.wire.rulebook import load, schema, summary

FILES = Path(__file__).parents[3] / "schemas" / "rulebooks"
DEFAULT = load((FILES / "default.yaml").read_text(), "default.yaml")
ROWS_PER_BADGE = 4
"""badge.awarded, badge.task, badge.earned, cache.invalidate."""


def leaves(criterion: Criterion) -> Iterator[Criterion]:
    yield criterion
    if isinstance(criterion, AllOf | AnyOf):
        for part in criterion.criteria:
            yield from leaves(part)


CRITERIA = [leaf for badge in DEFAULT.badges if badge.when for leaf in leaves(badge.when)]
METRICS: list[Metric] = [leaf.metric for leaf in CRITERIA if isinstance(leaf, AtLeast)]
METRICS += [badge.tier_metric for badge in DEFAULT.badges if badge.tier_metric is not None]
EVENTS = [metric for metric in METRICS if isinstance(metric, EventMetric)]


@pytest.mark.parametrize("file", ["default.yaml", "example.yaml"])
def test_what_is_shipped_fits_the_schema_of_editors(file: str) -> None:
    document = YAML(typ="safe", pure=True).load((FILES / file).read_text())

    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("file", ["default.yaml", "example.yaml"])
def test_nothing_in_it_is_in_vain(file: str) -> None:
    lines = summary(load((FILES / file).read_text()))

    assert [line for line in lines if line.startswith("warning")] == []
    assert [line for line in lines if line.startswith("given by a call")] == []


def test_every_kind_of_criterion_occurs() -> None:
    assert set(ProfileMetric) <= set(METRICS)
    assert {type(criterion) for criterion in CRITERIA} == {AtLeast, HasBadge, AllOf, AnyOf}
    assert {(Tally.COUNT, window) for window in Window} <= {
        (metric.tally, metric.within) for metric in EVENTS
    }
    for tally in (Tally.SUM, Tally.DISTINCT):
        windows = {metric.within for metric in EVENTS if metric.tally is tally}
        assert Window.EVER in windows
        assert len(windows) > 1
    assert any(metric.where for metric in EVENTS)


def test_badges_come_in_every_way() -> None:
    by_badge = {badge_id for badge in DEFAULT.badges for badge_id in badge.reward.badges}
    by_level = {
        badge_id for reward in DEFAULT.levels.rewards.values() for badge_id in reward.badges
    }

    assert len(DEFAULT.badges) >= 12
    assert by_badge
    assert by_level
    assert any(badge.tiers for badge in DEFAULT.badges)
    assert any(badge.locale_known for badge in DEFAULT.badges)
    assert len({badge.name for badge in DEFAULT.badges}) == len(DEFAULT.badges)


def test_rules_come_in_every_shape() -> None:
    caps = [cap for rule in DEFAULT.earn for cap in (rule.exp_cap, rule.coins_cap) if cap]

    assert any(cap.day for cap in caps)
    assert any(cap.week for cap in caps)
    assert any(cap.ever for cap in caps)
    assert any(rule.once_per for rule in DEFAULT.earn)
    assert any(rule.coins_as is CoinType.TOURNAMENT_PAYOUT for rule in DEFAULT.earn)
    assert DEFAULT.streak is not None
    assert DEFAULT.streak.freezes > 0


def test_a_stream_of_points_makes_a_row_and_one_and_a_half_amounts_for_each_input() -> None:
    """At 4.5 different events a customer and 10 % repetitions, as drains are measured."""
    codes: dict[str, int] = {}
    numbers = count(1)

    def intern(names: Iterable[str]) -> Mapping[str, int]:
        return {name: codes.setdefault(name, next(numbers)) for name in names}

    rules = compile_rulebook(DEFAULT, "mark:1", intern)
    stream = points_only(1, 900, 200, until_ms=1_780_000_000_000)
    merchant = Merchant(timezone=None)
    players: dict[CustomerId, Player] = {}
    made: dict[str, int] = defaultdict(int)
    for activity in stream.activities():
        player = players.setdefault(
            activity.customer_id,
            Player(merchant_id=activity.merchant_id, customer_id=activity.customer_id),
        )
        effects = decide(activity, player, merchant, rules, frozenset({"en"}))
        made["inputs"] += 1
        made["amounts"] += sum(bool(entry.exp) + bool(entry.coins) for entry in effects.entries)
        made["rows"] += sum(
            ROWS_PER_BADGE if isinstance(each, BadgeAwarded) else 1
            for each in effects.announcements
        )
    inputs = made["inputs"] * 1.1

    assert made["rows"] / inputs >= 1
    assert made["amounts"] / inputs >= 1.5
