"""What the engine knows of a tenant."""

from dataclasses import dataclass

from gamification.domain.days import UTC


@dataclass(frozen=True, slots=True)
class Merchant:
    timezone: str | None = None
    """IANA name; boards use it, else UTC. Players' days too, after their own and the rulebook's."""
    default_locale: str = "en"

    @property
    def board_timezone(self) -> str:
        return self.timezone or UTC
