"""Every setting of every process: engine, access to others, service, entry in Consul, archive."""

from gamification.settings.access import AccessSettings
from gamification.settings.archive import ArchiveSettings
from gamification.settings.discovery import DiscoverySettings
from gamification.settings.engine import EngineSettings
from gamification.settings.service import ServiceSettings


class Settings(ArchiveSettings, DiscoverySettings, ServiceSettings, AccessSettings, EngineSettings):
    """What the environment says. Attributes carry their unit; secrets never show themselves."""
