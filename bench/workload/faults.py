"""Every way in which a record can be bad, each made from a good one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bench.workload.delivery import Datum, Fault, Spoil
from gamification.domain.activity import Kind
from gamification.domain.errors import Reason
from gamification.domain.ids import MerchantId

TOO_LARGE_BYTES: Final = (1 << 20) + 4096
UNKNOWN_SCHEMA_ID: Final = 2_000_000_000
IN_1999_MS: Final = 946_684_799_999
YEARS_AHEAD_MS: Final = 10 * 365 * 86_400_000

Change = Callable[[dict[str, object]], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make one kind of bad record out of a good one of `kind`."""

    kind: Kind
    fault: Fault
    change: Change | None = None

    def datum(self, good: Datum) -> Datum:
        return self.change(dict(good)) if self.change else good

    def fault_of(self, good: Datum, merchant: MerchantId) -> Fault:
        """The fault with its merchant, where the record still says who that is."""
        told = self.fault.spoil is None and self.datum(good)["merchant_id"] == good["merchant_id"]
        return replace(self.fault, merchant=merchant) if told else self.fault


def _bytes(name: str, reason: Reason, spoil: Spoil, kind: Kind = Kind.POINTS_EARNED) -> Recipe:
    return Recipe(kind, Fault(name, reason, spoil))


def _field(kind: Kind, name: str, value: object) -> Recipe:
    label = f"{name} {str(value)[:20]!r}"
    fault = Fault(label, Reason.INVALID_FIELD)
    return Recipe(kind, fault, lambda good: good | {name: value})


def _schema_id(value: bytes, schema: int) -> bytes:
    return value[:1] + schema.to_bytes(4) + value[5:]


def _far_ahead(good: dict[str, object]) -> dict[str, object]:
    occurred_ms = good["occurred_at"]
    assert isinstance(occurred_ms, int)  # noqa: S101  # recipes get data that state their time
    return good | {"occurred_at": occurred_ms + YEARS_AHEAD_MS}


BYTES: Final = (
    _bytes("empty", Reason.MALFORMED, lambda _value, _id: b""),
    _bytes("null", Reason.MALFORMED, lambda _value, _id: None),
    _bytes("wrong magic byte", Reason.MALFORMED, lambda value, _id: b"\1" + value[1:]),
    _bytes("header without body", Reason.MALFORMED, lambda value, _id: value[:5]),
    _bytes("cut header", Reason.MALFORMED, lambda value, _id: value[:3]),
    _bytes("truncated", Reason.MALFORMED, lambda value, _id: value[:60]),
    _bytes("trailing bytes", Reason.MALFORMED, lambda value, _id: value + b"\0more"),
    _bytes(
        "truncated with an address",
        Reason.MALFORMED,
        lambda value, _id: value[:-3],
        Kind.CUSTOMER_UPDATED,
    ),
    _bytes("text", Reason.MALFORMED, lambda _value, _id: b'{"points": 5}', Kind.LESSON_COMPLETED),
    _bytes("huge string", Reason.TOO_LARGE, lambda value, _id: value.ljust(TOO_LARGE_BYTES, b"x")),
    _bytes(
        "unknown schema",
        Reason.UNKNOWN_SCHEMA,
        lambda value, _id: _schema_id(value, UNKNOWN_SCHEMA_ID),
    ),
    _bytes("recursive schema", Reason.UNSAFE_SCHEMA, _schema_id),
)
FIELDS: Final = (
    _field(Kind.POINTS_EARNED, "points", 0),
    _field(Kind.POINTS_EARNED, "points", -5),
    _field(Kind.POINTS_EARNED, "points", 1_000_001),
    _field(Kind.POINTS_EARNED, "event_id", "not-a-uuid"),
    _field(Kind.POINTS_EARNED, "merchant_id", ""),
    _field(Kind.POINTS_EARNED, "occurred_at", IN_1999_MS),
    _field(Kind.LESSON_COMPLETED, "customer_id", "12345"),
    _field(Kind.LESSON_COMPLETED, "lesson_id", ""),
    _field(Kind.LESSON_COMPLETED, "course_id", "c" * 129),
    _field(Kind.LESSON_COMPLETED, "score", 101),
    _field(Kind.TOURNAMENT_RESULT, "outcome", "WON"),
    _field(Kind.TOURNAMENT_RESULT, "prize_coins", -1),
    _field(Kind.TOURNAMENT_RESULT, "duration_s", -1),
    _field(Kind.ACTIVITY_RECORDED, "activity_type", "Log In!"),
    _field(Kind.ACTIVITY_RECORDED, "attributes", {f"key-{n}": "v" for n in range(17)}),
    _field(Kind.CUSTOMER_UPDATED, "occurred_at", IN_1999_MS),
)
AHEAD: Final = tuple(
    Recipe(kind, Fault("years ahead", Reason.FUTURE_TIMESTAMP), _far_ahead)
    for kind in (Kind.POINTS_EARNED, Kind.LESSON_COMPLETED, Kind.CUSTOMER_UPDATED)
)
RECIPES: Final = BYTES + FIELDS + AHEAD

CONFLICTING: Final = Fault("same id, other content", Reason.CONFLICTING_DUPLICATE)


def other_content(kind: Kind, good: Datum) -> Datum:
    """The same event id with something else said under it."""
    match kind:
        case Kind.POINTS_EARNED:
            return {**good, "points": int(str(good["points"])) + 1}
        case Kind.CUSTOMER_UPDATED:
            return {**good, "language": "fr" if good["language"] != "fr" else "de"}
        case Kind.LESSON_COMPLETED:
            return {**good, "lesson_id": "another"}
        case Kind.TOURNAMENT_RESULT:
            return {**good, "tournament_id": "another"}
        case Kind.ACTIVITY_RECORDED:
            return {**good, "activity_type": "another"}
