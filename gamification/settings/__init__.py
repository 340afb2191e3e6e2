"""The only reader of the environment. `load()` once, at the top of a process."""

from gamification.settings.engine import HTTP_PORTS
from gamification.settings.environment import (
    SettingsError,
    Variable,
    load,
    misspelled,
    variables,
)
from gamification.settings.model import Settings

__all__ = [
    "HTTP_PORTS",
    "Settings",
    "SettingsError",
    "Variable",
    "load",
    "misspelled",
    "variables",
]
