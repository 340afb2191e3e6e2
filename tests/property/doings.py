"""Activities over small worlds: few customers, few values, moments at the edges of days.

Everything is picked from tables, so that generating is fast, an example shrinks to the first
entries, and caps, levels, windows and streaks are really crossed. Prizes follow from their
tournament and match, as two events about one prize must agree.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import CustomerId, EventId, MerchantId

MERCHANT: Final = MerchantId(b"merchant--------")
CUSTOMERS: Final = tuple(CustomerId(name) for name in (b"anna------------", b"ben-------------"))
ZONES: Final = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "Pacific/Chatham",
)
"""Whole, half and quarter hours, both sides of the date line, summer time on and off."""
FIRST_DAY: Final = date(2026, 3, 27)
DAYS: Final = 8
"""Over a Sunday without 2 o'clock in Berlin, a Monday, and the first of a month."""
LATE_DAYS: Final = (date(2000, 1, 2), date(2025, 12, 31), date(2026, 1, 1), date(2026, 3, 1))
MINUTE_MS: Final = 60_000

Fields = dict[str, int | str]


def _moments() -> tuple[int, ...]:
    """Noon of every day, and both sides of every zone's midnight."""
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    moments = [_ms(day, time(12), "UTC") for day in days]
    for day, zone in product(days, ZONES):
        midnight = _ms(day, time(0), zone)
        moments += [midnight, midnight - 1, midnight + MINUTE_MS]
    moments += [_ms(day, time(12), "UTC") for day in LATE_DAYS]
    return tuple(dict.fromkeys(moments))


def _ms(day: date, at: time, zone: str) -> int:
    local = datetime.combine(day, at, ZoneInfo(zone))
    return int(local.astimezone(UTC).timestamp()) * 1000


def _present(**fields: int | str | None) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _tournaments() -> list[Fields]:
    results = []
    for cup, match, outcome in product((1, 2), (None, 1, 2), ("WIN", "LOSS", "DRAW")):
        results.append(
            _present(
                tournament_id=f"cup-{cup}",
                match_id=match and f"match-{match}",
                outcome=outcome,
                placement=1 if outcome == "WIN" else cup + 2,
                prize_coins=None if (cup, match) == (2, 2) else 10 * (cup - 1) + 7 * (match or 0),
                duration_s=cup * 5 if match else None,
            )
        )
    return results


def _recorded() -> list[Fields]:
    return [
        _present(activity_type=what, amount=amount, **{"attributes.channel": channel})
        for what, amount, channel in product(
            ("login", "share"), (None, -5, 0, 3, 12), (None, "app")
        )
    ] + [
        {"activity_type": "login", "attributes.channel": "web"},
        {"activity_type": "share", "amount": 7, "attributes.channel": "7"},
    ]


FIELDS: Final[dict[Kind, list[Fields]]] = {
    Kind.POINTS_EARNED: [{"points": points} for points in (1, 2, 5, 9, 10, 20, 45)],
    Kind.LESSON_COMPLETED: [
        _present(lesson_id=f"lesson-{lesson}", course_id=course, score=score)
        for lesson, course, score in product((1, 2, 3), (None, "a", "b", "c"), (None, 0, 60, 100))
    ],
    Kind.TOURNAMENT_RESULT: _tournaments(),
    Kind.ACTIVITY_RECORDED: _recorded(),
    Kind.CUSTOMER_UPDATED: [
        _present(language=language, timezone=zone, has_address=address)
        for language, zone, address in product(
            ("de", "pt-BR", "tlh"), (None, "Mars/Olympus"), (0, 1)
        )
    ],
}
"""What an event of each kind may say. No update knows a time zone: see `homes`."""

MOMENTS: Final = _moments()
_DOING: Final = st.one_of(
    [st.tuples(st.just(kind), st.sampled_from(fields)) for kind, fields in FIELDS.items()]
)


def activity(number: int, kind: Kind, fields: Fields, *, customer: int, at_ms: int) -> Activity:
    """The one with this number; the number is its id and its hash."""
    return Activity(
        kind=kind,
        merchant_id=MERCHANT,
        customer_id=CUSTOMERS[customer],
        event_id=EventId(number.to_bytes(16)),
        occurred_ms=at_ms,
        fields=fields,
        content_hash=number,
    )


def activities(*, max_size: int = 40, customers: int = 2) -> st.SearchStrategy[list[Activity]]:
    """Different activities of `customers` (1 or 2) customers, ids counted from 1."""
    one = st.tuples(_DOING, st.integers(0, customers - 1), st.sampled_from(MOMENTS))
    sizes = st.sampled_from([max_size // 8, 0, max_size // 4, max_size // 2, max_size])
    return sizes.flatmap(lambda size: st.lists(one, min_size=size, max_size=size)).map(_numbered)


def _numbered(told: list[tuple[tuple[Kind, Fields], int, int]]) -> list[Activity]:
    return [
        activity(number, kind, fields, customer=customer, at_ms=at_ms)
        for number, ((kind, fields), customer, at_ms) in enumerate(told, start=1)
    ]


def homes(*, customers: int = 2) -> st.SearchStrategy[list[Activity]]:
    """Who lives where: to be counted before everything else, as a change of settings is allowed
    to matter. Some have no time zone of their own. Their ids are above those of `activities`."""
    zones = st.lists(st.sampled_from((None, *ZONES)), min_size=customers, max_size=customers)
    return zones.map(
        lambda chosen: [
            activity(
                1_000_000 + customer,
                Kind.CUSTOMER_UPDATED,
                {"language": "tlh", "timezone": zone, "has_address": 1},
                customer=customer,
                at_ms=_ms(date(2000, 1, 1), time(12), "UTC"),
            )
            for customer, zone in enumerate(chosen)
            if zone is not None
        ]
    )


@st.composite
def arrivals(draw: st.DrawFn, told: list[Activity]) -> list[list[Activity]]:
    """One way in which `told` may arrive: in any order, some twice, in batches of any size."""
    again = draw(st.lists(st.sampled_from(told), max_size=len(told))) if told else []
    order = draw(st.permutations([*told, *again]))
    cuts = draw(st.lists(st.integers(0, len(order)), max_size=6).map(sorted))
    ends = [*cuts, len(order)]
    return [order[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]
