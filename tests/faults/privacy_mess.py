"""What careless producers and callers send: an address and a token wherever there is room."""

import json
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from typing import Any, Final, TypeAlias

import grpc
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from fastavro import parse_schema, schemaless_writer

from bench.workload import WriterSchemas
from bench.workload.publish import producer
from deploy.devstack.server import Addresses
from deploy.neighbours.behaviour import Behaviour, Lie
from deploy.neighbours.tokens import mint
from gamification.domain.activity import Kind
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.generated.gamification.v1.gamification_pb2_grpc import GamificationServiceStub
from tests.records import SCHEMAS, TRACEPARENT

ADDRESS: Final = "anna.von-privat@customers.example"
DOMAIN: Final = "@customers.example"
"""Of what the users service answers, too."""
EXTRA_SUBJECT: Final = "privacy.points-value"
ANSWER_WITHIN_S: Final = 20.0
FLUSH_S: Final = 30.0

Headers: TypeAlias = list[tuple[str, str | bytes | None]]

P, L, T, U, A = (
    Kind.POINTS_EARNED,
    Kind.LESSON_COMPLETED,
    Kind.TOURNAMENT_RESULT,
    Kind.CUSTOMER_UPDATED,
    Kind.ACTIVITY_RECORDED,
)
OWN_FIELDS: Final[dict[Kind, dict[str, Any]]] = {
    P: {"points": 120},
    L: {"lesson_id": ADDRESS, "course_id": ADDRESS, "score": 100},
    T: {"tournament_id": ADDRESS, "match_id": ADDRESS, "outcome": "WIN", "prize_coins": 7},
    U: {"email": ADDRESS, "language": ADDRESS, "timezone": ADDRESS},
    A: {"activity_type": "login", "attributes": {ADDRESS: ADDRESS, "channel": ADDRESS}},
}
"""Counted as they are: nothing says what an id looks like."""
REFUSED: Final[list[tuple[Kind, str]]] = [
    *((kind, name) for kind in Kind for name in ("event_id", "customer_id", "merchant_id")),
    (T, "outcome"),
    (A, "activity_type"),
]
"""Fields in which an address makes a dead letter of the event."""


class Events:
    """Publishes; `good` and `bad` say how many of each were sent."""

    def __init__(self, addresses: Addresses, merchant: str, token: str) -> None:
        self._addresses = addresses
        self._schemas = WriterSchemas.from_registry(addresses.registry_url)
        self._producer: Producer = producer(addresses.kafka_bootstrap)
        self._merchant = merchant
        self._headers: Headers = [
            *((name, ADDRESS.encode()) for name in ("traceparent", "email", "event_type")),
            *((name, ADDRESS.encode()) for name in ("dlq.detail", "dlq.reason", ADDRESS)),
            ("authorization", f"Bearer {token}".encode()),
            ("traceparent", token.encode()),
            ("traceparent", TRACEPARENT.encode()),  # the last valid one counts: there are spans
        ]
        self._token = token
        self.good = 0
        self.bad = 0

    def send(self) -> None:
        """All of it; returns when Kafka has it."""
        for kind in Kind:
            datum = self.datum(kind)
            self._good(kind, self._schemas.encode(kind, datum))
            conflicting = {**datum, "occurred_at": datum["occurred_at"] - 1}
            self._bad(kind, self._schemas.encode(kind, conflicting))
        for kind, field in REFUSED:
            self._bad(kind, self._schemas.encode(kind, {**self.datum(kind), field: ADDRESS}))
        self._bad(L, self._schemas.encode(L, {**self.datum(L), "lesson_id": self._token}))
        self._good(P, self._with_extra_field())
        for kind in Kind:
            for value in self._spoilt(kind):
                self._bad(kind, value)
        self._bad_replays()
        assert self._producer.flush(FLUSH_S) == 0

    def datum(self, kind: Kind) -> dict[str, Any]:
        """Of somebody new, with an address in every text that may hold one."""
        return {
            "event_id": str(uuid.uuid4()),
            "customer_id": str(uuid.uuid4()),
            "merchant_id": self._merchant,
            "occurred_at": time.time_ns() // 1_000_000 - 60_000,
            "trace_id": ADDRESS,
            **OWN_FIELDS[kind],
        }

    def _good(self, kind: str, value: bytes) -> None:
        self.good += 1
        self._send(kind, value)

    def _bad(self, kind: str, value: bytes) -> None:
        self.bad += 1
        self._send(kind, value)

    def _send(self, topic: str, value: bytes, headers: Headers | None = None) -> None:
        self._producer.produce(topic, value, ADDRESS.encode(), headers=headers or self._headers)

    def _spoilt(self, kind: Kind) -> Iterator[bytes]:
        """Nothing that can be read, and all the more in it."""
        good = self._schemas.encode(kind, self.datum(kind))
        said = json.dumps({"email": ADDRESS, "token": self._token}).encode()
        yield said
        yield good + said
        yield good[:-3]
        yield struct.pack(">bI", 0, 2**31 - 1) + said
        yield struct.pack(">bI", 0, self._schemas.hostile_id) + said

    def _with_extra_field(self) -> bytes:
        """A field that our schema does not know, from a producer ahead of us."""
        schema = json.loads(SCHEMAS[P])
        schema["fields"].append({"name": "contact", "type": ["null", "string"], "default": None})
        with closing(
            SchemaRegistryClient({"url": self._addresses.registry_url, "timeout": 5})
        ) as client:
            text = Schema(json.dumps(schema), schema_type="AVRO")
            schema_id = client.register_schema(EXTRA_SUBJECT, text)
        out = BytesIO(struct.pack(">bI", 0, schema_id))
        out.seek(5)
        schemaless_writer(out, parse_schema(schema), {**self.datum(P), "contact": ADDRESS})
        return out.getvalue()

    def _bad_replays(self) -> None:
        for header in ("topic", "partition", "offset", "timestamp"):
            origin = {
                "topic": U.value,
                "partition": "0",
                "offset": "1",
                "timestamp": "1790000000000",
            }
            origin[header] = ADDRESS
            headers: Headers = [(f"dlq.origin.{name}", text) for name, text in origin.items()]
            self.bad += 1
            self._send("gamification.replay", self._schemas.encode(U, self.datum(U)), headers)


class Calls:
    """Calls over gRPC; keeps what callers were told."""

    def __init__(self, address: str, merchant: str, auth: Behaviour, users: Behaviour) -> None:
        self._channel = grpc.insecure_channel(address)
        self._stub: Any = GamificationServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._merchant = merchant
        self._auth, self._users = auth, users
        self.told: list[str] = []
        self.tokens: list[str] = []
        """All that were used: none may be found anywhere."""

    def close(self) -> None:
        self._channel.close()

    def token(self, scope: str, **claims: Any) -> str:
        made = mint(self._merchant, [scope], **{"sub": ADDRESS, **claims})
        self.tokens.append(made)
        return made

    def make(self) -> None:
        """Good ones from somebody whose token names an address; then all kinds of bad ones."""
        edit = "admin:gamification:edit"
        for claims in ({}, {"jti": ADDRESS}, {"jti": None}, {"email": ADDRESS}):
            token = self.token(edit, **claims)
            answer = self._award(token)
            assert answer is not None
            assert answer.status == pb.AWARD_STATUS_AWARDED
        assert self._purge(self.token(edit)) is not None
        assert self._award(self.token(edit)) is not None  # an entry that no purge deletes
        token = self.token(edit)
        for field in ("merchant_id", "customer_id", "badge", "locale"):
            for text in (ADDRESS, token):
                assert self._award(token, **{field: text}) is None
        for nothing in ("gamification:read", ADDRESS):
            assert self._award(self.token(nothing, jti=ADDRESS)) is None
            assert self._purge(self.token(nothing, jti=ADDRESS)) is None
        for bad in (ADDRESS, f"{token}x", f"Bearer {ADDRESS}"):
            assert self._award(bad) is None
            assert self._purge(bad) is None
        assert self._purge(token, metadata=(("authorization", f"Bearer {ADDRESS}"),)) is None
        assert self._award(self.token(edit, jti=f"{ADDRESS}\n")) is None
        self._with_neighbours_that(self._auth)
        self._with_neighbours_that(self._users)

    def _with_neighbours_that(self, behaviour: Behaviour) -> None:
        """Fail with an address in their words, and lie."""
        behaviour.details = f"no answer for {ADDRESS} with {self.tokens[0]}"
        for status in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT):
            behaviour.status = status
            assert self._award(self.token("gamification:award")) is None
        behaviour.be_well()
        for lie in Lie:
            behaviour.lie = lie
            self._award(self.token("gamification:award"))
        behaviour.be_well()

    def _award(self, token: str, **wrong: str) -> Any:
        asked = {
            "merchant_id": self._merchant,
            "customer_id": str(uuid.uuid4()),
            "badge": "host",
            "locale": "pt-BR",
            **wrong,
        }
        metadata = (
            ("authorization", f"Bearer {token}"),
            ("traceparent", ADDRESS),
            ("x-customer", ADDRESS),
            ("x-token", token.strip()),
            ("x-raw-bin", ADDRESS.encode()),
        )
        request = pb.AwardBadgeRequest(**asked)
        return self._told(
            lambda: self._stub.AwardBadge(request, metadata=metadata, timeout=ANSWER_WITHIN_S)
        )

    def _purge(self, token: str, metadata: tuple[tuple[str, str], ...] = ()) -> Any:
        request = pb.PurgeAuditLogsRequest(merchant_id=self._merchant, jwt_token=token)
        return self._told(
            lambda: self._stub.PurgeAuditLogs(request, metadata=metadata, timeout=ANSWER_WITHIN_S)
        )

    def _told(self, call: Callable[[], Any]) -> Any:
        """The answer; None when it was refused, with what was said about it."""
        try:
            return call()
        except grpc.RpcError as error:
            ended: Any = error
            self.told.append(f"{ended.details()} {ended.trailing_metadata()}")
            return None
