"""A rulebook's values as the text that says them. JSON is YAML, so no writer is needed."""

import json
from typing import Any, assert_never

from gamification.domain.rulebook import (
    AllOf,
    Amount,
    AnyOf,
    AtLeast,
    BadgeRule,
    Cap,
    CoinType,
    Condition,
    Criterion,
    EarnRule,
    EventMetric,
    HasBadge,
    Metric,
    Operator,
    ProfileMetric,
    Reward,
    Rulebook,
    Tally,
    Window,
)

Node = dict[str, Any]


def written(rulebook: Rulebook) -> str:
    """Text that loads as `rulebook`."""
    return json.dumps(node(rulebook), ensure_ascii=False)


def node(rulebook: Rulebook) -> Node:
    """What `written` writes, before it is text."""
    document: Node = {
        "rulebook": 1,
        "levels": {
            "thresholds": list(rulebook.levels.thresholds),
            "rewards": {str(n): _reward(given) for n, given in rulebook.levels.rewards.items()},
        },
        "earn": [_earn(rule) for rule in rulebook.earn],
        "badges": [_badge(badge) for badge in rulebook.badges],
    }
    if rulebook.timezone is not None:
        document["timezone"] = rulebook.timezone
    if rulebook.streak is not None:
        events = [str(kind) for kind in rulebook.streak.events]
        document["streak"] = {"events": events, "freezes": rulebook.streak.freezes}
    return document


def _earn(rule: EarnRule) -> Node:
    caps = {"exp": _cap(rule.exp_cap), "coins": _cap(rule.coins_cap)}
    coins = _amount(rule.coins)
    if coins is not None and rule.coins_as is not CoinType.RULE_AWARD:
        coins = {**(coins if isinstance(coins, dict) else {"fixed": coins}), "as": rule.coins_as}
    return _without_empty(
        id=rule.id,
        event=rule.event,
        where=_where(rule.where),
        once_per=rule.once_per,
        exp=_amount(rule.exp),
        coins=coins,
        cap=_without_empty(**caps),
    )


def _badge(badge: BadgeRule) -> Node:
    when: Node | str | None = None
    if badge.when is not None:
        when = _criterion(badge.when)
    elif badge.tier_metric is not None:
        when = _metric(badge.tier_metric)
    return _without_empty(
        id=badge.id,
        name=badge.name,
        icon=badge.icon,
        when=when,
        tiers=dict(badge.tiers),
        reward=_reward(badge.reward),
        eligible={"locale": "known"} if badge.locale_known else None,
    )


def _criterion(criterion: Criterion) -> Node:
    match criterion:
        case AtLeast(ProfileMetric() as metric, threshold):
            return {metric.value: {"at_least": threshold}}
        case AtLeast(EventMetric() as metric, threshold):
            # Both ways to say it, so that both are read.
            compared = ("at_least", threshold) if threshold % 2 else ("more_than", threshold - 1)
            return dict([*_event_metric(metric).items(), compared])
        case HasBadge(badge):
            return {"badge": badge}
        case AllOf(criteria):
            return {"all": [_criterion(part) for part in criteria]}
        case AnyOf(criteria):
            return {"any": [_criterion(part) for part in criteria]}
        case AtLeast():
            raise AssertionError(criterion)
        case _:
            assert_never(criterion)


def _metric(metric: Metric) -> Node | str:
    return metric.value if isinstance(metric, ProfileMetric) else _event_metric(metric)


def _event_metric(metric: EventMetric) -> Node:
    counted = metric.event if metric.tally is Tally.COUNT else f"{metric.event}.{metric.field}"
    within = None if metric.within is Window.EVER else metric.within
    return _without_empty(
        **{metric.tally.value: counted}, where=_where(metric.where), within=within
    )


def _where(conditions: tuple[Condition, ...]) -> Node:
    fields: Node = {}
    for condition in conditions:
        value = condition.value
        plain = list(value) if isinstance(value, tuple) else value
        fields.setdefault(condition.field, {})[condition.operator.value] = plain
    return {
        name: told[Operator.EQ.value] if list(told) == [Operator.EQ.value] else told
        for name, told in fields.items()
    }


def _amount(amount: Amount | None) -> Node | int | None:
    if amount is None or amount.per is None:
        return None if amount is None else amount.numerator
    return {"per": amount.per, "rate": f"{amount.numerator}/{amount.denominator}"}


def _cap(cap: Cap | None) -> Node:
    return {} if cap is None else _without_empty(day=cap.day, week=cap.week, ever=cap.ever)


def _reward(reward: Reward) -> Node:
    return _without_empty(exp=reward.exp, coins=reward.coins, badges=list(reward.badges))


def _without_empty(**words: Any) -> Node:
    return {word: value for word, value in words.items() if value not in (None, 0, {}, [])}
