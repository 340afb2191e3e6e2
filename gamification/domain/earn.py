"""What one earn rule pays for one activity: first times, caps, prizes, boards."""

from gamification.domain.compile import CompiledCap, CompiledRule, EntryType
from gamification.domain.days import monday
from gamification.domain.effects import Prize, Refusal, Refused
from gamification.domain.needs import prize_key
from gamification.domain.player import Member, MemberKey, Span
from gamification.domain.turn import Turn


def pay_rule(turn: Turn, rule: CompiledRule) -> None:
    """Pay what `rule` grants for the turn's activity, whose conditions hold."""
    fields = turn.activity.fields
    exp = rule.exp(fields) if rule.exp is not None else 0
    coins = rule.coins(fields) if rule.coins is not None else 0
    if rule.once_per is not None:
        value = fields.get(rule.once_per)
        if value is None or not _first_time(turn, rule, str(value), exp):
            return
    elif exp:
        _show_on_boards(turn, rule, exp)
    if rule.exp_cap is not None and exp:
        exp = _capped(turn, rule.exp_cap, exp)
    if rule.coins_cap is not None and coins:
        coins = _capped(turn, rule.coins_cap, coins)
    if rule.entry_type is not EntryType.RULE_AWARD and coins:
        coins = _special_coins(turn, rule, coins)
    if exp or coins:
        turn.pay(exp, coins, rule.entry_type, rule.code)


def _first_time(turn: Turn, rule: CompiledRule, value: str, exp: int) -> bool:
    """Whether this completion pays. Boards show it on the earliest day known: it may move."""
    key = MemberKey(rule.once_code, 0, value)
    known = turn.player.members.get(key)
    if known is None:
        turn.player.members[key] = Member(turn.board_day, exp, dirty=True)
        if exp:
            turn.add_to_board(turn.board_day, exp)
        return True
    if turn.board_day < known.board_day:
        if known.exp:
            turn.add_to_board(known.board_day, -known.exp)
            turn.add_to_board(turn.board_day, known.exp)
        known.board_day = turn.board_day
        known.dirty = True
    return False


def _show_on_boards(turn: Turn, rule: CompiledRule, exp: int) -> None:
    """Only a cap by day cuts what boards show.

    A cap by week or for ever looks at other days, and which of those it cut would depend on the
    order in which they arrived.
    """
    if rule.exp_cap is not None and rule.exp_cap.day is not None:
        counters = turn.bucket(turn.board_day, Span.DAY).counters
        exp = _raise(counters, rule.board_code, exp, rule.exp_cap.day)
    if exp:
        turn.add_to_board(turn.board_day, exp)


def _capped(turn: Turn, cap: CompiledCap, amount: int) -> int:
    """F(after) - F(before), F = min(ever, sum over weeks of min(week, sum of min(day, raw)))."""
    if cap.day is not None:
        day = turn.bucket(turn.day, Span.DAY).counters
        amount = _raise(day, cap.code_day, amount, cap.day)
    if cap.week is not None:
        week = turn.bucket(monday(turn.day), Span.WEEK).counters
        amount = _raise(week, cap.code_week, amount, cap.week)
    if cap.ever is not None:
        amount = _raise(turn.player.counters, cap.code_ever, amount, cap.ever)
        turn.player.dirty = True
    return amount


def _raise(counters: dict[int, int], code: int, amount: int, cap: int) -> int:
    """Add to a raw sum; return by how much its capped value rises."""
    before = counters.get(code, 0)
    counters[code] = after = before + amount
    return min(after, cap) - min(before, cap)


def _special_coins(turn: Turn, rule: CompiledRule, coins: int) -> int:
    """Coins of prizes, deposits, withdrawals and bets: signed; 0 when they are refused."""
    player, effects = turn.player, turn.effects
    if rule.entry_type is EntryType.TOURNAMENT_PAYOUT:
        key = prize_key(rule.code, turn.activity)
        if key not in player.prizes:
            player.prizes[key] = turn.activity.event_id
            effects.prizes.append(Prize(player, key, coins, turn.activity))
            return coins
        refusal = Refusal.DUPLICATE_PAYOUT
    elif rule.entry_type is EntryType.DEPOSIT:
        return coins
    elif coins <= player.coins:
        return -coins
    else:
        refusal = Refusal.INSUFFICIENT_COINS
    effects.refused.append(
        Refused(player, rule.code, rule.entry_type, coins, refusal, turn.activity)
    )
    return 0
