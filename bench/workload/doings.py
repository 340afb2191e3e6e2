"""What one customer may do: a datum for the topic, and the activity that it stands for.

Activities are computed from the same values as the data, not by reading the bytes back, so
that they say what was meant whatever a decoder makes of it.
"""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from bench.workload.delivery import Datum
from bench.workload.population import Customer, random_uuid
from gamification.domain.activity import Activity, Kind
from gamification.domain.ids import EventId, uuid_text

PRIZES: Final = (0, 25, 50, 100)
TOURNAMENTS: Final = 40
MATCHES: Final = 8
LESSONS: Final = 120
COURSES: Final = 12
TYPES: Final = ("login", "invite_sent", "deposit", "profile_completed", "shared")

Fields = dict[str, int | str | None]


class Doing(NamedTuple):
    """One event before it is sent."""

    customer: Customer
    datum: Datum
    activity: Activity


def doing(  # noqa: PLR0913  # an event is who, what, when and how that is told
    random: Random,
    customer: Customer,
    kind: Kind,
    fields: Fields,
    occurred_ms: int,
    *,
    states_time: bool = True,
    loud: bool = False,
) -> Doing:
    """`states_time`: the datum has `occurred_at`; else the record's timestamp must say it.

    `loud`: ids in upper case, which mean the same.
    """
    event = random_uuid(random)
    ids = {
        "event_id": uuid_text(event),
        "customer_id": customer.text,
        "merchant_id": customer.merchant.text,
    }
    if loud:
        ids = {name: text.upper() for name, text in ids.items()}
    return Doing(
        customer,
        {**ids, **_datum_fields(kind, fields), "occurred_at": occurred_ms if states_time else None},
        Activity(
            kind=kind,
            merchant_id=customer.merchant.id,
            customer_id=customer.id,
            event_id=EventId(event),
            occurred_ms=occurred_ms,
            fields={name: value for name, value in fields.items() if value is not None},
            content_hash=0,
        ),
    )


def _datum_fields(kind: Kind, fields: Fields) -> Datum:
    """The business fields as the topic's schema has them."""
    match kind:
        case Kind.CUSTOMER_UPDATED:
            told = {name: value for name, value in fields.items() if name != "has_address"}
            return told | {"email": "anna@example.com" if fields["has_address"] else ""}
        case Kind.ACTIVITY_RECORDED:
            prefix = "attributes."
            attributes = {
                name.removeprefix(prefix): value
                for name, value in fields.items()
                if name.startswith(prefix)
            }
            told = {name: value for name, value in fields.items() if not name.startswith(prefix)}
            return told | {"attributes": attributes}
        case _:
            return dict(fields)


def points(random: Random) -> Fields:
    return {"points": random.choice((1, 5, 10, 10, 20, 25, 50, 100, 250, 1500))}


def lesson(random: Random) -> Fields:
    number = int(LESSONS * random.random() ** 2)
    return {
        "lesson_id": f"lesson-{number}",
        "course_id": f"course-{number % COURSES}" if random.random() < 0.9 else None,
        "score": random.randrange(30, 101) if random.random() < 0.9 else None,
    }


def tournament(random: Random) -> Fields:
    """The prize depends on tournament and match alone: two events about one prize agree."""
    number, match = random.randrange(TOURNAMENTS), random.randrange(MATCHES)
    won = random.random() < 0.4
    return {
        "tournament_id": f"cup-{number}",
        "match_id": f"match-{match}" if match else None,
        "outcome": "WIN" if won else random.choice(("LOSS", "DRAW")),
        "placement": 1 if won else random.randrange(2, 20),
        "prize_coins": PRIZES[(number + match) % len(PRIZES)] if won else random.choice((0, None)),
        "duration_s": random.randrange(30, 3600),
    }


def recorded(random: Random) -> Fields:
    what = random.choice(TYPES)
    return {
        "activity_type": what,
        "amount": random.choice((None, 5, 20, 100, -10)) if what == "deposit" else None,
        "attributes.channel": random.choice(("web", "app", "mail")),
    }


def changed_settings(random: Random) -> Fields:
    """A later update leaves the time zone: what happened before keeps its local days."""
    return {
        "language": random.choice(("en", "es", "pt-BR", "tlh")),
        "timezone": random.choice((None, None, "Mars/Olympus")),
        "has_address": random.randrange(2),
    }


def first_settings(customer: Customer, random: Random) -> Fields:
    return {
        "language": customer.language,
        "timezone": customer.timezone,
        "has_address": random.randrange(2),
    }


MAKERS: Final[dict[Kind, Callable[[Random], Fields]]] = {
    Kind.POINTS_EARNED: points,
    Kind.LESSON_COMPLETED: lesson,
    Kind.TOURNAMENT_RESULT: tournament,
    Kind.ACTIVITY_RECORDED: recorded,
    Kind.CUSTOMER_UPDATED: changed_settings,
}
SHARES: Final = {
    Kind.POINTS_EARNED: 50,
    Kind.LESSON_COMPLETED: 22,
    Kind.ACTIVITY_RECORDED: 16,
    Kind.TOURNAMENT_RESULT: 10,
    Kind.CUSTOMER_UPDATED: 2,
}
"""Of a hundred events."""
