"""The one call that starts servers, and the choice of what they run in."""

from deploy.devstack import containers, external, local, settings
from deploy.devstack.flavour import TESTS, Flavour
from deploy.devstack.settings import Backend, Settings
from deploy.devstack.stack import Stack


def start(wanted: Settings | None = None, flavour: Flavour = TESTS) -> Stack:
    """Servers that end with this process at the latest. Raises DevstackError."""
    chosen = wanted or settings.read()
    if chosen.backend is Backend.EXTERNAL:
        return external.attach()
    return start_private(chosen, flavour)


def start_private(wanted: Settings | None = None, flavour: Flavour = TESTS) -> Stack:
    """Servers nobody else uses, so that they may be stopped. Raises DevstackError."""
    chosen = wanted or settings.read()
    if backend(chosen) is Backend.DOCKER:
        return containers.start(flavour)
    return local.start(chosen, flavour)


def backend(chosen: Settings) -> Backend:
    """What to run private servers in: as set, else Docker when its daemon answers."""
    if chosen.backend in (Backend.DOCKER, Backend.LOCAL):
        return chosen.backend
    return Backend.DOCKER if containers.answers() else Backend.LOCAL
