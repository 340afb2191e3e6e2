"""Judges how long a certificate holds."""

from datetime import datetime, timedelta
from typing import Final

from gamification.adapters.certificates import Certificate
from gamification.application.doctor.finding import Finding, State

RENEW_BEFORE: Final = timedelta(days=14)


def judged(name: str, found: Certificate, now: datetime) -> Finding:
    """One certificate of a file. `name` says which file."""
    check = f"certificate {name}"
    left = found.not_after - now
    day = f"{found.not_after:%Y-%m-%d %H:%M} UTC"
    advice = "have the CA issue another and replace the files; processes read them again"
    if left <= timedelta():
        return Finding(check, State.WRONG, f"{found.subject}: ended {day}", advice)
    if found.not_before > now:
        return Finding(
            check,
            State.WRONG,
            f"{found.subject}: begins {found.not_before:%Y-%m-%d %H:%M} UTC",
            "look at this machine's clock; else use the older one until then",
        )
    seen = f"{found.subject}: until {day}, {left.days} days"
    if left <= RENEW_BEFORE:
        return Finding(check, State.WARNING, seen, advice)
    return Finding(check, State.OK, seen)
