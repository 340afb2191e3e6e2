"""What badges count over activities: how many, how much, how many different ones; by window."""

from gamification.domain.compile import CompiledCounter
from gamification.domain.needs import window_start
from gamification.domain.player import Member, MemberKey
from gamification.domain.rulebook import Tally
from gamification.domain.turn import Turn


def count(turn: Turn, counter: CompiledCounter) -> None:
    """Count the turn's activity where `counter` asks for it.

    A window's own sum is kept with the window; the profile keeps the best window's, which is what
    a badge asks for and never falls.
    """
    if counter.check is not None and not counter.check(turn.activity.fields):
        return
    amount = _amount(turn, counter)
    if amount == 0:
        return
    code = counter.code
    best = turn.player.counters.get(code, 0)
    if counter.span is None:
        turn.count(code, best, best + amount)
        return
    window = turn.bucket(window_start(counter.window, turn.day), counter.span).counters
    window[code] = now = window.get(code, 0) + amount
    if now > best:
        turn.count(code, best, now)


def _amount(turn: Turn, counter: CompiledCounter) -> int:
    if counter.tally is Tally.COUNT:
        return 1
    value = turn.activity.fields.get(counter.field or "")
    if value is None:
        return 0
    if counter.tally is Tally.SUM:
        return value if isinstance(value, int) and value > 0 else 0
    key = MemberKey(counter.code, window_start(counter.window, turn.day), str(value))
    if key in turn.player.members:
        return 0
    turn.player.members[key] = Member(turn.board_day, 0, dirty=True)
    return 1
