"""Before every Avro body goes the id that the registry gave to its schema."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gamification.domain.errors import Halt, Unavailable

IdOf = Callable[[str, str], int | None]
"""Topic and schema text to the registry's id; None when it is not registered."""

MAGIC: Final = b"\0"
ID_BYTES: Final = 4


class SchemaPrefixes:
    """What is put before a body, by topic and version of the topic's schema.

    Ids never change, so each is asked for once, and known ones go on without the registry.
    """

    def __init__(self, id_of: IdOf, versions: Mapping[str, Sequence[str]]) -> None:
        """`versions` are the schema texts of each topic, from version 1 on."""
        self._id_of = id_of
        self._versions = versions
        self._known: dict[tuple[str, int], bytes] = {}

    def resolve(self) -> None:
        """Ask for all that are not known yet. Raises Unavailable, also for a missing one."""
        for topic, texts in self._versions.items():
            for version in range(1, len(texts) + 1):
                self.of(topic, version)

    def of(self, topic: str, version: int) -> bytes:
        """Raises Unavailable when the registry does not say; Halt for a schema that is not ours."""
        known = self._known.get((topic, version))
        if known is not None:
            return known
        texts = self._versions.get(topic, ())
        if not 1 <= version <= len(texts):
            raise Halt(
                f"{topic}: rows with version {version} of its schema, of which this relay knows "
                f"{len(texts)}: a newer version of the service wrote them; update the relay first"
            )
        schema_id = self._id_of(topic, texts[version - 1])
        if schema_id is None:
            raise Unavailable(
                f"schema registry: version {version} of {topic} is not registered: "
                "run python -m cli.schemas register"
            )
        prefix = MAGIC + schema_id.to_bytes(ID_BYTES, "big")
        self._known[topic, version] = prefix
        return prefix
