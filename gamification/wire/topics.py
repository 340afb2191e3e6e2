"""One function per input topic: from a record as read to an activity's fields, ranges checked.

Straight lines on purpose: this runs for every record, twenty thousand times a second. The
types of the fields are certain here (`vet` refuses a writer whose types are not ours); what
they hold is not.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from gamification.domain.activity import ATTRIBUTES_PREFIX, Kind
from gamification.wire import fields as check

POINTS_MAX: Final = 1_000_000
SCORE_MAX: Final = 100
INT32_MAX: Final = 2**31 - 1
OUTCOMES: Final = frozenset({"WIN", "LOSS", "DRAW"})
EMAIL_LENGTH_MAX: Final = 320
LANGUAGE_LENGTH_MAX: Final = 64
TIMEZONE_LENGTH_MAX: Final = 64
ATTRIBUTES_MAX: Final = 16
ATTRIBUTE_KEY_LENGTH_MAX: Final = 64
ATTRIBUTE_VALUE_LENGTH_MAX: Final = 256

Fields: TypeAlias = Mapping[str, Any]
"""Of one record as read, named as in its topic's schema."""


Build: TypeAlias = Callable[[Fields], dict[str, int | str]]
"""What its topic alone says, with null fields left out. Raises Rejected(INVALID_FIELD)."""


def points_earned(read: Fields) -> dict[str, int | str]:
    points = read["points"]
    if not 1 <= points <= POINTS_MAX:
        raise check.invalid("points", f"1 to {POINTS_MAX}")
    return {"points": points}


def lesson_completed(read: Fields) -> dict[str, int | str]:
    fields: dict[str, int | str] = {"lesson_id": check.other_id(read["lesson_id"], "lesson_id")}
    course_id, score = read["course_id"], read["score"]
    if course_id is not None:
        fields["course_id"] = check.other_id(course_id, "course_id")
    if score is not None:
        fields["score"] = check.bounded(score, "score", 0, SCORE_MAX)
    return fields


def tournament_result(read: Fields) -> dict[str, int | str]:
    fields: dict[str, int | str] = {
        "tournament_id": check.other_id(read["tournament_id"], "tournament_id")
    }
    if (match_id := read["match_id"]) is not None:
        fields["match_id"] = check.other_id(match_id, "match_id")
    outcome = read["outcome"]
    if outcome not in OUTCOMES:
        raise check.invalid("outcome", "WIN, LOSS or DRAW")
    fields["outcome"] = outcome
    if (placement := read["placement"]) is not None:
        fields["placement"] = check.bounded(placement, "placement", 1, INT32_MAX)
    if (prize := read["prize_coins"]) is not None:
        fields["prize_coins"] = check.bounded(prize, "prize_coins", 0, check.AMOUNT_MAX)
    if (duration := read["duration_s"]) is not None:
        fields["duration_s"] = check.bounded(duration, "duration_s", 0, INT32_MAX)
    return fields


def customer_updated(read: Fields) -> dict[str, int | str]:
    """The address ends here: only whether there is one goes on."""
    email = read["email"]
    if len(email) > EMAIL_LENGTH_MAX:
        raise check.invalid("email", f"at most {EMAIL_LENGTH_MAX} characters")
    fields: dict[str, int | str] = {
        "language": check.bounded_text(read["language"], "language", LANGUAGE_LENGTH_MAX)
    }
    if (timezone := read["timezone"]) is not None:
        fields["timezone"] = check.bounded_text(timezone, "timezone", TIMEZONE_LENGTH_MAX)
    fields["has_address"] = int(email != "")
    return fields


def activity_recorded(read: Fields) -> dict[str, int | str]:
    activity_type = read["activity_type"]
    if check.LOWER_SNAKE.fullmatch(activity_type) is None:
        raise check.invalid("activity_type", "lower_snake, 1 to 64 characters")
    fields: dict[str, int | str] = {"activity_type": activity_type}
    if (amount := read["amount"]) is not None:
        fields["amount"] = check.bounded(amount, "amount", -check.AMOUNT_MAX, check.AMOUNT_MAX)
    attributes = read["attributes"]
    if len(attributes) > ATTRIBUTES_MAX:
        raise check.invalid("attributes", f"at most {ATTRIBUTES_MAX} entries")
    for key in sorted(attributes):
        value = attributes[key]
        if not 1 <= len(key) <= ATTRIBUTE_KEY_LENGTH_MAX or "\0" in key:
            raise check.invalid(
                "attributes", f"keys of 1 to {ATTRIBUTE_KEY_LENGTH_MAX} characters, no NUL"
            )
        if len(value) > ATTRIBUTE_VALUE_LENGTH_MAX or "\0" in value:
            raise check.invalid(
                "attributes", f"values of at most {ATTRIBUTE_VALUE_LENGTH_MAX} characters, no NUL"
            )
        fields[ATTRIBUTES_PREFIX + key] = value
    return fields


BUILDERS: Final[Mapping[Kind, Build]] = {
    Kind.POINTS_EARNED: points_earned,
    Kind.LESSON_COMPLETED: lesson_completed,
    Kind.TOURNAMENT_RESULT: tournament_result,
    Kind.CUSTOMER_UPDATED: customer_updated,
    Kind.ACTIVITY_RECORDED: activity_recorded,
}
