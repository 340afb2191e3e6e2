"""The two services that this one calls, small but over the wire: for the demo and the tests."""

from deploy.neighbours.auth import Auth
from deploy.neighbours.behaviour import Lie
from deploy.neighbours.running import Running
from deploy.neighbours.tokens import mint
from deploy.neighbours.users import Users

__all__ = ["Auth", "Lie", "Running", "Users", "mint"]
