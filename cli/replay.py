"""Send a time window of an input topic again: `python -m cli.replay`."""

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.options import moment_ms, moment_text, usage, uuid_of
from cli.outcome import EXIT_FOUND, outcome
from cli.progress import Progress
from cli.report import Row, show
from cli.stopping import Stop
from gamification.settings import Settings

if TYPE_CHECKING:  # heavy modules are imported inside commands, so that --help is quick
    from gamification.application.replay import Progress as Sent
    from gamification.application.replay import Window

RATE: Final = 100.0
INTERRUPTED: Final = 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.replay --event-type points.earned --since 2026-11-21T13:00Z "
    "--until 2026-11-21T14:00Z; the same with --merchant-id 6f9b... --rate 500 --yes"
)
def replay(  # noqa: PLR0913 - the filters
    *,
    event_type: Annotated[
        str, typer.Option(help="The input topic: points.earned, lesson.completed, ...")
    ],
    since: Annotated[str, typer.Option(help="Records of then or later: 2026-11-21T13:00Z.")],
    until: Annotated[
        str | None, typer.Option(help="Records of before then; without, up to now.")
    ] = None,
    merchant_id: Annotated[
        str | None, typer.Option("--merchant-id", help="Only this merchant's; a UUID.")
    ] = None,
    activity_type: Annotated[
        str | None, typer.Option(help="Of activity.recorded, only this type: login, ...")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Records a second.")] = RATE,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would be done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON array.")] = False,
) -> None:
    """Copy records of an input topic to gamification.replay, by the time that they carry.

    Harmless to repeat: what was counted before is known and changes nothing, what never was is
    counted now. Records that are dead letters are left alone: see cli.reprocess_dlq.

    Exit code 0: done, or said what would be; 1: some are dead letters; 3: a dependency is away;
    130: interrupted, and it says with which --since to go on.
    """
    from gamification.application.replay import Window  # noqa: PLC0415 - slow to import
    from gamification.domain.activity import Kind  # noqa: PLC0415
    from gamification.domain.ids import MerchantId  # noqa: PLC0415

    kinds = [str(kind) for kind in Kind]
    if event_type not in kinds:
        raise usage("--event-type", f"one of {', '.join(kinds)}")
    if activity_type is not None and event_type != Kind.ACTIVITY_RECORDED:
        raise usage("--activity-type", f"only with --event-type {Kind.ACTIVITY_RECORDED}")
    merchant = None if merchant_id is None else MerchantId(uuid_of(merchant_id, "--merchant-id"))
    now_ms = time.time_ns() // 1_000_000
    until_ms = now_ms if until is None else min(now_ms, moment_ms(until, "--until"))
    window = Window(moment_ms(since, "--since"), until_ms, merchant, activity_type)
    if window.since_ms >= window.until_ms:
        raise usage("--since, --until", "the first must be before the second, and before now")
    with outcome() as settings:
        _replay(settings, event_type, window, rate, yes=yes, as_json=as_json)


def _replay(  # noqa: PLR0913 - what the command was told
    settings: Settings, topic: str, window: "Window", rate: float, *, yes: bool, as_json: bool
) -> None:
    from gamification.application.pace import Pace  # noqa: PLC0415 - slow to import
    from gamification.bootstrap.replay import replay as send  # noqa: PLC0415
    from gamification.telemetry import killpoints  # noqa: PLC0415

    killpoints.arm(settings.kill_at)
    planned = send(settings, topic, window, None, lambda _sent: None).progress
    if not yes:
        would: Row = {
            "would_replay": planned.found,
            "others": planned.other,
            "dead_letters": planned.letters,
            "seconds": round(planned.found / rate),
        }
        show([would], as_json=as_json, empty="")
        typer.echo("nothing was sent; add --yes to do it", err=True)
        return
    stop = Stop()
    began_s = time.monotonic()
    with Progress("replayed", planned.found, rate) as progress:

        def told(sent: "Sent") -> None:
            progress.at(sent.found)

        sent, go_on_ms = send(settings, topic, window, Pace(rate, stop.wait), told)
    took_s = time.monotonic() - began_s
    done: Row = {
        "replayed": sent.found,
        "others": sent.other,
        "dead_letters": sent.letters,
        "seconds": round(took_s),
        "per_second": round(sent.found / took_s) if took_s else 0,
    }
    show([done], as_json=as_json, empty="")
    if sent.stopped and go_on_ms is not None:
        typer.echo(f"interrupted: go on with --since {moment_text(go_on_ms)}", err=True)
        raise typer.Exit(INTERRUPTED)
    if sent.letters:
        typer.echo("some are dead letters: look at them with cli.reprocess_dlq", err=True)
        raise typer.Exit(EXIT_FOUND)


if __name__ == "__main__":
    app()
