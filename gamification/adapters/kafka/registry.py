"""The schema registry: writers' schemas by id, and registration of our own.

Asked only for ids that were never seen, and not often for those: anyone who can publish can
put any id before a record.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeVar

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from gamification.domain.errors import Halt, Reason, Rejected, Unavailable
from gamification.wire.vet import WriterSchema

T = TypeVar("T")

TIMEOUT_S: Final = 5.0
BACKWARD: Final = "BACKWARD"

NO_SUCH_SCHEMA: Final = 40403
"""The registry's own code. Another 404 comes from something else, say a proxy in its place."""
SCHEMA_ID_MAX: Final = 2**31 - 1

KNOWN_MAX: Final = 1_000
"""Schemas kept; the one that was not used for longest goes first."""
UNKNOWN_MAX: Final = 10_000
"""Ids kept of which the registry said that it has none."""
AWAY_FOR_S: Final = 5.0
"""After a failure the next question waits: each may take TIMEOUT_S, and known schemas go on."""
UNKNOWN_FOR_S: Final = 30.0
"""A schema may be registered after its first record was published."""
LOOKUPS_PER_S: Final = 50.0
LOOKUPS_AT_ONCE: Final = 200.0
"""Far more than a company has schemas: a fresh worker on an old topic never waits for it."""

NONE_BY_THAT_NUMBER: Final = "schema id: the registry has none by that number"
NOT_ASKED: Final = "schema id: not asked for, too many unseen ones; a replay may succeed"


class Incompatible(Halt):
    """The registry refuses our new version: it could not read what older ones wrote."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the registry, and how we know it. Empty: not asked for, as Python does."""

    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""

    def settings(self) -> dict[str, str]:
        """By the client's names."""
        said = {"ssl.ca.location": self.ca_file} if self.ca_file else {}
        if self.username:
            said["basic.auth.user.info"] = f"{self.username}:{self.password}"
        return said


NOBODY: Final = Login()


class SchemaRegistry:
    """Raises Unavailable when the registry is away or slow; never waits without an end.

    Not for several threads at once.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        login: Login = NOBODY,
    ) -> None:
        # Without "timeout" the client waits for ever; retries are the caller's, with back-off.
        self._client = SchemaRegistryClient(
            {
                "url": url,
                "timeout": timeout_s,
                "max.retries": 0,
                "cache.capacity": 100,
                **login.settings(),
            }
        )
        self._clock = clock
        self._known: OrderedDict[int, WriterSchema] = OrderedDict()
        self._unknown: OrderedDict[int, float] = OrderedDict()
        """Id -> when to ask again; oldest first."""
        self._away_until = clock()
        self._allowance = LOOKUPS_AT_ONCE
        self._allowed_at = clock()

    def writer_schema(self, schema_id: int) -> WriterSchema:
        """The schema that a writer named by its id.

        Raises Rejected(UNKNOWN_SCHEMA) when the registry has none by that id, or when so many
        unseen ids came that this one is not asked for: then a replay may succeed. That beats
        waiting: known schemas are not held up by someone who invents ids.
        """
        schema = self._known.get(schema_id)
        if schema is not None:
            self._known.move_to_end(schema_id)
            return schema
        now = self._clock()
        if schema_id > SCHEMA_ID_MAX or self._unknown.get(schema_id, now) > now:
            raise Rejected(Reason.UNKNOWN_SCHEMA, NONE_BY_THAT_NUMBER)
        if now < self._away_until:
            raise Unavailable("schema registry: was away a moment ago")
        if not self._may_ask(now):
            raise Rejected(Reason.UNKNOWN_SCHEMA, NOT_ASKED)
        try:
            return self._fetch(schema_id, now)
        except Unavailable:
            self._away_until = self._clock() + AWAY_FOR_S
            raise

    def register(self, topic: str, schema: WriterSchema) -> int:
        """Make `schema` the newest of the topic's values, unless it is one already; its id.

        Raises Incompatible, Unavailable.
        """
        with _translated():
            return self._client.register_schema(_subject(topic), Schema(schema, "AVRO"))

    def set_compatibility(self, topic: str, level: str = BACKWARD) -> None:
        with _translated():
            self._client.set_compatibility(_subject(topic), level)

    def compatibility(self, topic: str) -> str | None:
        """The topic's own level; None when it has none, and the registry's default holds."""
        with _translated():
            return _or_none(lambda: self._client.get_compatibility(_subject(topic)))

    def id_of(self, topic: str, schema: WriterSchema) -> int | None:
        """The id under which exactly this schema is registered for the topic's values."""
        with _translated():
            registered = _or_none(
                lambda: self._client.lookup_schema(_subject(topic), Schema(schema, "AVRO"))
            )
        return None if registered is None else registered.schema_id

    def close(self) -> None:
        self._client.close()

    def _may_ask(self, now: float) -> bool:
        elapsed_s = now - self._allowed_at
        self._allowed_at = now
        self._allowance = min(LOOKUPS_AT_ONCE, self._allowance + elapsed_s * LOOKUPS_PER_S)
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _fetch(self, schema_id: int, now: float) -> WriterSchema:
        with _translated():
            try:
                found = self._client.get_schema(schema_id)
            except SchemaRegistryError as error:
                if error.error_code != NO_SUCH_SCHEMA:
                    raise
                found = None
        if found is None:
            self._unknown.pop(schema_id, None)
            self._unknown[schema_id] = now + UNKNOWN_FOR_S
            if len(self._unknown) > UNKNOWN_MAX:
                self._unknown.popitem(last=False)
            raise Rejected(Reason.UNKNOWN_SCHEMA, NONE_BY_THAT_NUMBER)
        # What is not Avro, or leans on other schemas, is refused when it is vetted.
        self._known[schema_id] = found.schema_str or ""
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return self._known[schema_id]


def _subject(topic: str) -> str:
    return f"{topic}-value"


def _or_none(ask: Callable[[], T]) -> T | None:
    """None where the registry answers that there is no such thing."""
    try:
        return ask()
    except SchemaRegistryError as error:
        if error.http_status_code == HTTPStatus.NOT_FOUND:
            return None
        raise


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors in our words. What is not surely our fault counts as away."""
    try:
        yield
    except SchemaRegistryError as error:
        said = f"schema registry: HTTP {error.http_status_code}, code {error.error_code}"
        if error.http_status_code == HTTPStatus.CONFLICT:
            raise Incompatible(
                f"{said}: not {BACKWARD} compatible with the registered ones"
            ) from error
        if error.http_status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise Halt(f"{said}: {error.error_message}") from error
        raise Unavailable(said) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, TypeError) as error:
        # ValueError, TypeError: an answer that is not the registry's, say from a proxy.
        raise Unavailable(f"schema registry: {type(error).__name__}") from error
