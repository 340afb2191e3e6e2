"""In which ways the registry does not have what our files say."""

from collections.abc import Mapping, Sequence

from gamification.adapters.kafka.admin import Difference
from gamification.adapters.kafka.registry import BACKWARD, SchemaRegistry


def differences(
    registry: SchemaRegistry, history: Mapping[str, Sequence[str]]
) -> tuple[Difference, ...]:
    """`history`: all versions of each topic's schema. Raises Unavailable."""
    found: list[Difference] = []
    for topic, versions in sorted(history.items()):
        level = registry.compatibility(topic)
        if level != BACKWARD:
            said = f"compatibility is {level or 'not set'}, not {BACKWARD}"
            found.append(Difference(topic, said))
        for version, schema in enumerate(versions, start=1):
            if registry.id_of(topic, schema) is None:
                found.append(Difference(topic, f"version {version}: not registered"))
    return tuple(found)
