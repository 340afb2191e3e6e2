"""Judges settings, processes, and those of whom only is known that they answer."""

from collections.abc import Sequence

from gamification.adapters.processes import ProcessFacts
from gamification.application.doctor.finding import Finding, State, named, one_line


def settings(problems: Sequence[str], misspelled: Sequence[str]) -> list[Finding]:
    """A line for each variable that is wrong."""
    found = [
        Finding("settings", State.WRONG, problem, "set it right; python -m cli.settings lists all")
        for problem in problems
    ]
    found += [
        Finding("settings", State.WARNING, line, "nobody reads it: rename or remove it")
        for line in misspelled
    ]
    return found or [Finding("settings", State.OK, "every value is allowed")]


def answers(check: str, seen: str = "answers") -> Finding:
    return Finding(check, State.OK, seen)


def not_set(check: str, variable: str) -> Finding:
    return Finding(check, State.OK, f"not looked for: {variable} is not set")


def process(url: str, facts: ProcessFacts) -> Finding:
    """By its own /ready."""
    check = f"process {url}"
    if not facts.failing:
        return Finding(check, State.OK, "ready")
    return Finding(
        check,
        State.WRONG,
        one_line(named(f"{name}: {said}" for name, said in facts.failing.items())),
        "its log says more; kill -USR1 PID shows where it is",
    )
