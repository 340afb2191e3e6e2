"""Write leaderboards anew from Postgres: `python -m cli.rebuild_leaderboard`."""

import time
from collections.abc import Callable
from typing import Annotated, Final

import typer

from cli.options import merchant_of
from cli.outcome import EXIT_AWAY, outcome
from cli.report import Row, show

LOOK_EVERY_S: Final = 0.2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m cli.rebuild_leaderboard; "
    "python -m cli.rebuild_leaderboard --merchant-id 6f0e8f7e-0f3c-4d7e-9d0a-5a2f3c1b7e11 --yes"
)
def main(
    *,
    merchant_id: Annotated[str | None, typer.Option(help="Only the boards of this one.")] = None,
    within_s: Annotated[int, typer.Option(min=1, help="How long to wait for the end.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only list them.")] = False,
) -> None:
    """Let the running projection write leaderboards anew; the old ones stay until it has.

    Exit code 0: listed, or written; 2: no such id; 3: Redis is away, or nobody wrote them in time.
    """
    from gamification.adapters.redis import keys  # noqa: PLC0415 - slow to import
    from gamification.adapters.redis.connection import close, connect  # noqa: PLC0415
    from gamification.application.rebuild_request import ask, is_done, plan  # noqa: PLC0415
    from gamification.bootstrap.places import redis_of  # noqa: PLC0415

    merchant = None if merchant_id is None else merchant_of(merchant_id)
    with outcome() as settings:
        client = connect(redis_of(settings), "gamification-rebuild")
        try:
            wanted = plan(client, merchant)
            if yes:
                ask(client, wanted)
                _wait(lambda: is_done(client, wanted, settings.board_keep_days), within_s)
            known = plan(client, merchant) if yes else wanted
            rows: list[Row] = [
                {"board": keys.leaderboard(board), "holds_changes_up_to": change_id}
                for board, change_id in known.boards
            ]
            show(rows, as_json=as_json, empty="no leaderboards")
            done = "written anew" if yes else "would be written anew with --yes"
            typer.echo(f"{len(rows)} leaderboards {done}", err=True)
        finally:
            close(client)


def _wait(is_done: Callable[[], bool], within_s: int) -> None:
    deadline = time.monotonic() + within_s
    while not is_done():
        if time.monotonic() > deadline:
            typer.echo(
                f"asked, but not done within {within_s} s: is a projection running?", err=True
            )
            raise typer.Exit(EXIT_AWAY)
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    app()
