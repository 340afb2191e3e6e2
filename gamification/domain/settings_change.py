"""`customer.updated`: what it changes of a customer. The latest (occurred_at, id) wins.

Per value, because an update may leave one out: whichever order two updates arrive in, each value
ends as the latest update that named it.
"""

from collections.abc import Collection

from gamification.domain.activity import Activity
from gamification.domain.days import is_zone
from gamification.domain.locale import supported
from gamification.domain.player import Player, Stamp


def apply_settings(activity: Activity, player: Player, locales: Collection[str]) -> int:
    """Change `player`; return how many values were ignored because we do not know them."""
    stamp = Stamp(activity.occurred_ms, activity.event_id)
    fields = activity.fields
    ignored = 0

    language = fields.get("language")
    if language is not None:
        locale = supported(str(language), locales)
        if locale is None:
            ignored += 1
        else:
            player.locale_ever = True
            if stamp > player.locale_stamp:
                player.locale, player.locale_stamp = locale, stamp

    timezone = fields.get("timezone")
    if timezone is not None:
        if not is_zone(str(timezone)):
            ignored += 1
        elif stamp > player.timezone_stamp:
            player.timezone, player.timezone_stamp = str(timezone), stamp

    if stamp > player.notify_stamp:
        player.notify, player.notify_stamp = bool(fields.get("has_address", 0)), stamp
    player.dirty = player.settings_dirty = True
    return ignored
