"""What is known of a customer: of several updates the latest by (occurred_at, event id) wins.

Each field has its own latest, because an update may leave one out (a null timezone) or hold
a value that cannot be used (an unknown zone or language), which leaves the known one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gamification.domain.activity import Activity
from tests.oracle.calendar import zone_names

SUPPORTED_LOCALES = frozenset({"en", "es", "fr", "ar", "de", "pt", "ja"})


@dataclass(frozen=True, slots=True)
class Known:
    """The customer's settings after all updates, in whatever order they came."""

    locale: str | None
    timezone: str | None
    notify: bool
    locale_ever: bool
    """Latch: had a supported locale at some time, which eligibility asks for."""


def supported(language: object) -> str | None:
    """The locale that is used for a language: itself, else without its region, else none."""
    text = str(language)
    for candidate in (text, text.split("-", maxsplit=1)[0]):
        if candidate in SUPPORTED_LOCALES:
            return candidate
    return None


def known_settings(updates: Sequence[Activity]) -> Known:
    """`updates`: one customer's `customer.updated`, in any order."""
    latest_last = sorted(updates, key=lambda update: (update.occurred_ms, update.event_id))
    locales = [supported(update.fields.get("language", "")) for update in latest_last]
    zones = [str(update.fields.get("timezone", "")) for update in latest_last]
    notify = [bool(update.fields.get("has_address", 0)) for update in latest_last]
    usable_locales = [locale for locale in locales if locale is not None]
    usable_zones = [name for name in zones if name in zone_names()]
    return Known(
        locale=usable_locales[-1] if usable_locales else None,
        timezone=usable_zones[-1] if usable_zones else None,
        notify=notify[-1] if notify else False,
        locale_ever=bool(usable_locales),
    )
