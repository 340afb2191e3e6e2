"""What people see: steps while it runs, tables at the end."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.demo.facts import Facts
from deploy.demo.front_door import Said
from deploy.demo.steady import Latency
from tests.oracle.report import Report

PLAIN_WIDTH: Final = 110
PLAIN_EVERY_S: Final = 3.0
BADGES_SHOWN: Final = 12


class Bar:
    """A bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, console: Console, title: str, progress: Progress | None, total: int) -> None:
        self._console = console
        self._title = title
        self._progress = progress
        self._task = None if progress is None else progress.add_task(title, total=total)
        self._total = total
        self._next_line_s = time.monotonic() + PLAIN_EVERY_S

    def at(self, done: int, note: str = "") -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, description=f"{self._title} {note}")
        elif time.monotonic() >= self._next_line_s:
            self._next_line_s = time.monotonic() + PLAIN_EVERY_S
            self._console.print(f"  {self._title}: {done:,} of {self._total:,} {note}")


class Screen:
    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        self.console = Console(
            width=None if terminal else PLAIN_WIDTH, highlight=False, soft_wrap=not terminal
        )
        self._terminal = terminal

    def say(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style or None, markup=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One line when it begins, one with its time when it ends."""
        self.say(f"{what} ...", "bold")
        begun = time.monotonic()
        yield
        self.say(f"  done in {time.monotonic() - begun:.1f} s", "dim")

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Bar]:
        if not self._terminal:
            yield Bar(self.console, title, None, total)
            return
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            yield Bar(self.console, title, progress, total)

    def show(self, sent: Mapping[str, int], facts: Facts, merchant: str) -> None:
        self._pairs("Sent", "topic", "records", sent)
        self._pairs("Announced", "topic", "records", facts.published)
        shown = dict(list(facts.badges.items())[:BADGES_SHOWN])
        rest = len(facts.badges) - len(shown)
        self._pairs(f"Badges{f' (and {rest} more kinds)' if rest else ''}", "badge", "held", shown)
        self._leaderboard(facts, merchant)
        self._letters(facts)
        totals = facts.totals
        self.say(
            f"{totals.customers:,} customers have {totals.exp:,} EXP and {totals.coins:,} coins;"
            f" the highest level is {totals.highest_level},"
            f" the longest streak {totals.longest_streak} days."
        )

    def calls(self, said: Sequence[Said]) -> None:
        table = Table(title="Over gRPC", title_justify="left", title_style="bold")
        table.add_column("asked")
        table.add_column("answered")
        for each in said:
            table.add_row(*each)
        self.console.print(table)

    def figures(self, records: int, seconds: float, latency: Latency) -> None:
        self.say(
            f"Throughput: {records:,} records from input to Postgres, Kafka and Redis in"
            f" {seconds:.1f} s: {records / seconds:,.0f} a second (all on this machine,"
            " with the publisher)."
        )
        self.say(
            f"Latency at {latency.per_s}/s from what happened to badge.awarded at a read_committed"
            f" reader: p50 {latency.p50_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms,"
            f" slowest {latency.max_ms:.0f} ms, over {latency.events:,} badges."
        )

    def verdict(self, report: Report) -> None:
        first, *others = report.lines()
        self.say(f"\n{first}", "bold green" if report.ok else "bold red")
        for line in others:
            self.say(line, "" if report.ok else "red")

    def _pairs(self, title: str, left: str, right: str, pairs: Mapping[str, int]) -> None:
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column(left)
        table.add_column(right, justify="right")
        for name, number in pairs.items():
            table.add_row(name, f"{number:,}")
        self.console.print(table)

    def _leaderboard(self, facts: Facts, merchant: str) -> None:
        table = Table(
            title=f"Leaderboard of merchant {merchant}", title_justify="left", title_style="bold"
        )
        for name in ("rank", "customer", "EXP", "level", "coins", "longest streak", "badges"):
            table.add_column(name, justify="left" if name == "customer" else "right")
        for place in facts.leaderboard:
            rank, customer, *numbers = place
            table.add_row(str(rank), customer, *(f"{number:,}" for number in numbers))
        self.console.print(table)

    def _letters(self, facts: Facts) -> None:
        table = Table(title="Dead letters", title_justify="left", title_style="bold")
        for name in ("reason", "letters", "for example", "from"):
            table.add_column(name, justify="right" if name == "letters" else "left")
        for reason, number in facts.reasons.items():
            example = next(letter for letter in facts.letters if letter.reason == reason)
            origin = f"{example.topic}[{example.partition}]@{example.offset}"
            table.add_row(reason, f"{number:,}", example.detail, origin)
        self.console.print(table)
