"""How people say which dead letters they mean, and how these are shown."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.options import merchant_of, moment_ms, usage, uuid_of
from cli.report import Row

if TYPE_CHECKING:  # heavy modules are imported inside functions, so that --help is quick
    from gamification.adapters.postgres.letter_index import Letter
    from gamification.domain.letter import LetterFilter

STATUSES: Final = ("parked", "replayed", "resolved", "discarded", "any")


def _kinds() -> list[str]:
    from gamification.domain.activity import Kind  # noqa: PLC0415

    return [str(kind) for kind in Kind]


def _reasons() -> list[str]:
    from gamification.domain.errors import Reason  # noqa: PLC0415

    return [str(reason) for reason in Reason]


def _statuses() -> list[str]:
    return list(STATUSES)


MerchantOption = Annotated[
    str | None, typer.Option("--merchant-id", help="Only this merchant's; a UUID.")
]
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--event-type",
        help="Only of this input topic: points.earned, ...",
        autocompletion=_kinds,
    ),
]
ReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason", help="Only with this reason: malformed, poison, ...", autocompletion=_reasons
    ),
]
StatusOption = Annotated[
    str,
    typer.Option(
        "--status", help="parked, replayed, resolved, discarded or any.", autocompletion=_statuses
    ),
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
    from gamification.domain.errors import Reason  # noqa: PLC0415
    from gamification.domain.letter import LetterFilter  # noqa: PLC0415

    kinds, reasons = _kinds(), _reasons()
    if event_type is not None and event_type not in kinds:
        raise usage("--event-type", f"one of {', '.join(kinds)}")
    if reason is not None and reason not in reasons:
        raise usage("--reason", f"one of {', '.join(reasons)}")
    return LetterFilter(
        merchant_id=None if merchant_id is None else merchant_of(merchant_id),
        event_type=event_type,
        reason=None if reason is None else Reason(reason),
        since_ms=None if since is None else moment_ms(since, "--since"),
        until_ms=None if until is None else moment_ms(until, "--until"),
        id=None if letter_id is None else uuid_of(letter_id, "--id"),
    )


def row(letter: "Letter") -> Row:
    """One letter as people see it, without what it holds."""
    from gamification.domain.ids import uuid_text  # noqa: PLC0415
    from gamification.telemetry.personal import masked  # noqa: PLC0415

    return {
        "id": uuid_text(letter.id),
        "status": letter.status,
        "reason": letter.reason,
        "detail": masked(letter.detail),
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
