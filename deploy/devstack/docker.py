"""The servers as containers."""

from typing import Final

from deploy.devstack.errors import DevstackError
from deploy.devstack.flavour import Flavour
from deploy.devstack.stack import Stack

PROJECT: Final = "gamification"


def answers() -> bool:
    return False


def start(flavour: Flavour) -> Stack:
    raise DevstackError(f"no Docker daemon answers {flavour}")


def compose_up(flavour: Flavour) -> Stack:
    raise DevstackError(f"no Docker daemon answers {flavour}")


def compose_down() -> None:
    raise DevstackError("no Docker daemon answers")
