"""Every setting of every process: of the engine, the service, its entry in Consul, the archive."""

from gamification.settings.archive import ArchiveSettings
from gamification.settings.discovery import DiscoverySettings
from gamification.settings.engine import EngineSettings
from gamification.settings.service import ServiceSettings


class Settings(ArchiveSettings, DiscoverySettings, ServiceSettings, EngineSettings):
    """What the environment says. Attributes carry their unit; secrets never show themselves."""
