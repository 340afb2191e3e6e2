"""How people say which dead letters they mean, and how these are shown."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import moment_ms, usage, uuid_of
from cli.report import Row

if TYPE_CHECKING:  # heavy modules are imported inside functions, so that --help is quick
    from gamification.adapters.postgres.letter_index import Letter
    from gamification.domain.letter import LetterFilter

MerchantOption = Annotated[
    str | None, typer.Option("--merchant-id", help="Only this merchant's; a UUID.")
]
TypeOption = Annotated[
    str | None, typer.Option("--event-type", help="Only of this input topic: points.earned, ...")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Only with this reason: malformed, poison, ...")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Only written then or later: 2026-11-21T13:00Z.")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Only written before then.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Only this one; a letter's UUID.")]


def wanted(  # noqa: PLR0913, PLR0917 - the filters that there are
    merchant_id: str | None,
    event_type: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    letter_id: str | None,
) -> "LetterFilter":
    """Exits with a line that names the option when a value cannot be."""
    from gamification.domain.activity import Kind  # noqa: PLC0415
    from gamification.domain.errors import Reason  # noqa: PLC0415
    from gamification.domain.ids import MerchantId  # noqa: PLC0415
    from gamification.domain.letter import LetterFilter  # noqa: PLC0415

    kinds, reasons = [str(kind) for kind in Kind], [str(each) for each in Reason]
    if event_type is not None and event_type not in kinds:
        raise usage("--event-type", f"one of {', '.join(kinds)}")
    if reason is not None and reason not in reasons:
        raise usage("--reason", f"one of {', '.join(reasons)}")
    merchant = None if merchant_id is None else uuid_of(merchant_id, "--merchant-id")
    return LetterFilter(
        merchant_id=None if merchant is None else MerchantId(merchant),
        event_type=event_type,
        reason=None if reason is None else Reason(reason),
        since_ms=None if since is None else moment_ms(since, "--since"),
        until_ms=None if until is None else moment_ms(until, "--until"),
        id=None if letter_id is None else uuid_of(letter_id, "--id"),
    )


def row(letter: "Letter") -> Row:
    """One letter as people see it, without what it holds."""
    from gamification.domain.ids import uuid_text  # noqa: PLC0415

    return {
        "id": uuid_text(letter.id),
        "status": letter.status,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "event_type": letter.topic,
        "origin": f"{letter.topic}[{letter.partition}]@{letter.offset}",
        "merchant_id": uuid_text(letter.merchant_id),
        "event_id": None if letter.event_id is None else uuid_text(letter.event_id),
        "written_at": _text(letter.created_at),
        "first_failed_at": _text(letter.first_failed_at),
        "changed_at": None if letter.changed_at is None else _text(letter.changed_at),
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
