"""Every setting of every process: of the engine, of the service, and of the archive."""

from gamification.settings.archive import ArchiveSettings
from gamification.settings.engine import EngineSettings
from gamification.settings.service import ServiceSettings


class Settings(ArchiveSettings, ServiceSettings, EngineSettings):
    """What the environment says. Attributes carry their unit; secrets never show themselves."""
