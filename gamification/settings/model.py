"""Every setting of every process: of the engine, and of the service."""

from gamification.settings.engine import EngineSettings
from gamification.settings.service import ServiceSettings


class Settings(ServiceSettings, EngineSettings):
    """What the environment says. Attributes carry their unit; secrets never show themselves."""
