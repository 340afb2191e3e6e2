"""The one call that starts servers, and the choice of what they run in."""

from typing import Final

from deploy.devstack import containers, external, local, settings
from deploy.devstack.errors import Missing
from deploy.devstack.flavour import TESTS, Flavour
from deploy.devstack.settings import Backend, Settings
from deploy.devstack.stack import Stack

START_DOCKER: Final = "sudo systemctl start docker"


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
    """What to run private servers in: as set, else Docker when its daemon answers.

    Raises Missing when Docker is wanted and does not.
    """
    if chosen.backend is Backend.LOCAL:
        return Backend.LOCAL
    if containers.answers():
        return Backend.DOCKER
    if chosen.backend is Backend.DOCKER:
        raise Missing(f"no Docker daemon answers: {START_DOCKER}")
    return Backend.LOCAL
