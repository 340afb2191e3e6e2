"""Badges, their tiers, and the names by which others refer to them."""

from collections.abc import Iterable, Iterator

from gamification.domain.ids import BadgeId
from gamification.domain.rulebook import AllOf, AnyOf, BadgeRule, Criterion, HasBadge, Metric
from gamification.wire.rulebook.criteria import check_threshold, criterion_of, metric_of
from gamification.wire.rulebook.cursor import Cursor
from gamification.wire.rulebook.problems import quoted
from gamification.wire.rulebook.rewards import reward_of


def badges_of(cursor: Cursor) -> tuple[BadgeRule, ...]:
    """All badges, in the order of the text."""
    badges: list[BadgeRule] = []
    first_by_id: dict[str, int] = {}
    for index, item in enumerate(cursor.items()):
        badge_id = item.at("id")
        if badge_id.text is not None:
            first = first_by_id.setdefault(badge_id.text, index)
            if first != index:
                badge_id.refuse(f"{badge_id.text} is already the id of badges[{first}]")
        badges.append(_badge_of(item))
    return tuple(badges)


def _badge_of(item: Cursor) -> BadgeRule:
    criterion: Criterion | None = None
    metric: Metric | None = None
    tiers: dict[str, int] = {}
    if item.has("tiers"):
        if not item.has("when"):
            item.report.incomplete(item.path, "tiers need a `when` that says what is measured")
        metric = metric_of(item.at("when"))
        tiers = _tiers_of(item.at("tiers"), metric)
    elif item.at("when").text is not None:
        item.at("when").refuse(
            f"needs a number: write {{{item.at('when').text}: {{at_least: 10}}}}"
        )
    elif item.has("when"):
        criterion = criterion_of(item.at("when"))
    return BadgeRule(
        id=BadgeId(item.at("id").text or ""),
        name=item.at("name").text or "",
        icon=item.at("icon").text or "",
        when=criterion,
        tier_metric=metric,
        tiers=tiers,
        reward=reward_of(item.at("reward")),
        locale_known=item.at("eligible").at("locale").text == "known",
    )


def _tiers_of(cursor: Cursor, metric: Metric | None) -> dict[str, int]:
    tiers: dict[str, int] = {}
    last: tuple[str, int] | None = None
    for name, given in cursor.entries():
        threshold = given.whole
        if threshold is None:
            continue
        if last is not None and threshold <= last[1]:
            given.refuse(f"tiers must rise; found {threshold} after {last[0]}: {last[1]}")
        if metric is not None:
            check_threshold(metric, threshold, given)
        tiers[name] = threshold
        last = (name, threshold)
    return tiers


def announced_ids(badge: BadgeRule) -> list[BadgeId]:
    """Under which ids the badge is given: its own, or those of its tiers."""
    if badge.tiers:
        return [BadgeId(f"{badge.id}.{tier}") for tier in badge.tiers]
    return [badge.id]


def check_references(root: Cursor, badges: tuple[BadgeRule, ...]) -> None:
    """Every badge that is named must exist; what is given must name its tier."""
    given = dict.fromkeys(badge_id for badge in badges for badge_id in announced_ids(badge))
    asked = given | dict.fromkeys(badge.id for badge in badges)
    tiered = {badge.id: announced_ids(badge) for badge in badges if badge.tiers}
    for place in _given_badges(root):
        if place.text in tiered:
            names = ", ".join(tiered[BadgeId(place.text)])
            place.refuse(f"{place.text} has tiers: name one of {names}")
        elif place.text is not None and place.text not in given:
            _refuse_unknown(place, given)
    for item in root.at("badges").items():
        for place in _asked_badges(item.at("when")):
            if place.text is not None and place.text not in asked:
                _refuse_unknown(place, asked)
    _check_circles(root, badges)


def _given_badges(root: Cursor) -> Iterator[Cursor]:
    for _, reward in root.at("levels").at("rewards").entries():
        yield from reward.at("badges").items()
    for item in root.at("badges").items():
        for place in item.at("reward").at("badges").items():
            if place.text is not None and place.text.partition(".")[0] == item.at("id").text:
                place.refuse("a badge cannot give itself")
            yield place


def _asked_badges(when: Cursor) -> Iterator[Cursor]:
    if when.has("badge"):
        yield when.at("badge")
    for word in ("all", "any"):
        for item in when.at(word).items():
            yield from _asked_badges(item)


def _refuse_unknown(place: Cursor, known: Iterable[BadgeId]) -> None:
    hint = place.report.hint(place.text or "", known)
    place.refuse(f"no badge of this rulebook has the id {quoted(place.text or '')}{hint}")


def _check_circles(root: Cursor, badges: tuple[BadgeRule, ...]) -> None:
    """Badges that wait for each other would never be given."""
    waits_for = {badge.id: list(dict.fromkeys(_waits(badge.when))) for badge in badges}
    done: set[str] = set()
    for item in root.at("badges").items():
        start = item.at("id").text
        if start is None or start in done:
            continue
        circle = _circle_from(BadgeId(start), waits_for, done)
        if circle:
            item.at("when").refuse_key(f"waits for itself: {' -> '.join(circle)}")


def _circle_from(
    start: BadgeId, waits_for: dict[BadgeId, list[BadgeId]], done: set[str]
) -> list[str]:
    """Depth first, without recursion: a chain may be as long as there are badges."""
    trail: list[BadgeId] = [start]
    pending = [iter(waits_for.get(start, []))]
    while pending:
        following = next(pending[-1], None)
        if following is None:
            done.add(trail.pop())
            pending.pop()
        elif following in trail:
            done.update(trail)
            return [*trail[trail.index(following) :], following]
        elif following not in done:
            trail.append(following)
            pending.append(iter(waits_for.get(following, [])))
    return []


def _waits(criterion: Criterion | None) -> Iterator[BadgeId]:
    if isinstance(criterion, HasBadge):
        yield BadgeId(criterion.badge.partition(".")[0])
    elif isinstance(criterion, AllOf | AnyOf):
        for part in criterion.criteria:
            yield from _waits(part)
