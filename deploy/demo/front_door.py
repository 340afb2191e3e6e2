"""What other services ask for over gRPC: a badge, which then arrives on Kafka, and a purge.

The auth and users services that stand beside it are those of deploy/neighbours.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import grpc

from deploy.caller import Caller, award_status, purge_status
from deploy.demo.steady import SEEN_WITHIN_S, Seen
from deploy.devstack.errors import DevstackError
from deploy.neighbours.tokens import mint
from gamification.domain.identity import Scope
from gamification.domain.ids import BadgeId, CustomerId, MerchantId
from tests.oracle.model import Granted

BADGE: Final = BadgeId("host")
"""Pays coins and brings another badge with it."""
LOCALE: Final = "pt-BR"
OTHER_LOCALE: Final = "ar"
ACTOR: Final = "shop-backend"
LOOK_EVERY_S: Final = 0.001


class Unexpected(DevstackError):
    """The service answered otherwise than it promises."""


class Said(NamedTuple):
    """One call, for a person to read."""

    asked: str
    answered: str


class FrontDoor:
    """Calls for one merchant; keeps what was said."""

    def __init__(self, address: str, merchant: MerchantId) -> None:
        self._merchant = merchant
        self._merchant_text = str(uuid.UUID(bytes=merchant))
        self._caller = Caller(address, self._merchant_text)
        self._customer = uuid.uuid4()
        self.said: list[Said] = []

    @property
    def granted(self) -> Granted:
        """What was given here, for whoever checks the final state."""
        return {(self._merchant, CustomerId(self._customer.bytes)): (BADGE,)}

    def award(self, seen: Seen) -> None:
        """Give a badge, see it on Kafka, and be refused. Raises Unexpected, TimeoutError."""
        token = self._token(Scope.AWARD)
        customer = str(self._customer)
        began_ms = time.time() * 1000
        self._award(token, LOCALE, "AWARDED")
        answered_ms = time.time() * 1000 - began_ms
        seen_ms = _wait(lambda: seen.first_ms.get(customer)) - began_ms
        self._note(
            "the same badge on Kafka (badge.awarded, read_committed)",
            f"{seen_ms:.0f} ms after the call was sent (its answer came after"
            f" {answered_ms:.0f} ms)",
        )
        self._award(token, OTHER_LOCALE, "ALREADY_AWARDED")
        self._refused("with a token nobody signed", token[:-8] + "AAAAAAAA", "UNAUTHENTICATED")
        stranger = mint(str(uuid.uuid4()), [Scope.AWARD], sub=ACTOR)
        self._refused("with another merchant's token", stranger, "PERMISSION_DENIED")

    def purge(self) -> None:
        """Delete the merchant's audit log, twice. Raises Unexpected."""
        token = self._token(Scope.EDIT)
        for asked in ("PurgeAuditLogs", "PurgeAuditLogs, once more"):
            answer = self._answer(lambda: self._caller.purge(token))
            if answer.rows_deleted == 0:
                raise Unexpected(f"{asked}: no row was deleted")
            self._note(
                asked,
                f"{purge_status(answer)}: deleted rows {answer.rows_deleted:,}, archived objects"
                f" {answer.objects_deleted:,}",
            )

    def close(self) -> None:
        self._caller.close()

    def _token(self, scope: Scope) -> str:
        return mint(self._merchant_text, [scope], sub=ACTOR)

    def _award(self, token: str, locale: str, wanted: str) -> None:
        answer = self._answer(lambda: self._call(token, locale))
        status = award_status(answer)
        if status != wanted or not answer.badge_name:
            raise Unexpected(f"AwardBadge answered {status} {answer.badge_name!r}, not {wanted}")
        self._note(
            f"AwardBadge {BADGE}, in {locale}", f"{status}: {answer.badge_name} ({answer.locale})"
        )

    def _call(self, token: str, locale: str) -> Any:
        return self._caller.award(token, str(self._customer), BADGE, locale)

    def _refused(self, how: str, token: str, wanted: str) -> None:
        try:
            self._call(token, LOCALE)
        except grpc.RpcError as error:
            ended: Any = error
            if ended.code().name != wanted:
                raise Unexpected(f"{how}: {ended.code().name}, not {wanted}") from error
            self._note(f"AwardBadge {how}", f"{wanted}: {ended.details()}")
            return
        raise Unexpected(f"AwardBadge {how} was answered")

    def _answer(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except grpc.RpcError as error:
            ended: Any = error
            raise Unexpected(f"{ended.code().name}: {ended.details()}") from error

    def _note(self, asked: str, answered: str) -> None:
        self.said.append(Said(asked, answered))


def _wait(when_ms: Callable[[], float | None]) -> float:
    """The moment, once it is known. Raises TimeoutError."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while (moment := when_ms()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the badge was not announced in {SEEN_WITHIN_S} s")
        time.sleep(LOOK_EVERY_S)
    return moment
