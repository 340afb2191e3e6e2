"""The running service behind a pact: its states come true, and each message becomes a gRPC call."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

import grpc
import redis
from google.protobuf.json_format import ParseDict

from deploy.neighbours.tokens import mint
from gamification.adapters.redis import keys
from gamification.generated.gamification.v1 import gamification_pb2 as pb
from tests.contract.points_pact import CUSTOMER, MAY_AWARD, MERCHANT, METHOD, TOKEN
from tests.contract.points_service import as_json, retry_after_s
from tests.services_world import ANSWER_WITHIN_S, AWARD, OTHER_SHOP, SHOP, World, new_customer

LIMITED_FOR_S: Final = 60


class Provider:
    """Plays interactions, one at a time, each with a token and a customer of its own.

    The pact's are placeholders: no token is good for ever, and what is known of a customer stays.
    """

    def __init__(self, world: World, redis_url: str) -> None:
        assert MERCHANT == SHOP
        self._world = world
        self._redis_url = redis_url
        self._token = ""
        self._customer = ""
        self._states: dict[str, Callable[[], None]] = {
            MAY_AWARD: lambda: self._hold(mint(SHOP, AWARD)),
            "the token is not valid": lambda: self._hold("not.a.token"),
            "the token is another merchant's": lambda: self._hold(mint(OTHER_SHOP, AWARD)),
            "the customer holds the badge guest": self._give_guest,
            "the merchant has used up its limit": self._use_up_the_limit,
            "the users service is away": self._users_away,
        }

    def state(self, state: str, action: str, parameters: dict[str, Any] | None = None) -> None:
        """Make it so, or (`teardown`) as if it had never been."""
        assert not parameters
        if action == "teardown":
            self._be_well()
        else:
            self._states[state]()

    def answer(self, name: str, metadata: dict[str, Any] | None) -> Any:
        """A real call; its response or status as a message."""
        assert metadata is not None, name
        asked = metadata["request"]
        said = asked["metadata"]
        assert said["method"] == METHOD
        authorization = said["authorization"].replace(TOKEN, self._token)
        call = self._world.caller.channel.unary_unary(
            f"/{METHOD}",
            request_serializer=pb.AwardBadgeRequest.SerializeToString,
            response_deserializer=pb.AwardBadgeResponse.FromString,
        )
        request = ParseDict(asked["contents"]["content"], pb.AwardBadgeRequest())
        assert request.customer_id == CUSTOMER
        request.customer_id = self._customer
        try:
            response = call(
                request, metadata=(("authorization", authorization),), timeout=ANSWER_WITHIN_S
            )
        except grpc.RpcError as error:
            refusal: Any = error
            body = {"message": refusal.details()}
            wait_s = retry_after_s(refusal)
            if wait_s is not None:
                body["retry_delay"] = f"{wait_s:f}s"
            return _message(body, refusal.code().name)
        return _message(as_json(response), "OK")

    def _hold(self, token: str) -> None:
        self._token, self._customer = token, new_customer()

    def _give_guest(self) -> None:
        answer = self._world.caller.award(self._customer)
        assert answer.status == pb.AWARD_STATUS_AWARDED

    def _use_up_the_limit(self) -> None:
        """As if very many calls had come: the next one may pass in a minute."""
        arrival_us = int((time.time() + LIMITED_FOR_S) * 1_000_000)
        with redis.Redis.from_url(self._redis_url) as client:
            client.set(keys.rate_limit("award_badge", SHOP), arrival_us, ex=LIMITED_FOR_S)

    def _users_away(self) -> None:
        self._world.users.behaviour.status = grpc.StatusCode.UNAVAILABLE

    def _be_well(self) -> None:
        self._world.users.behaviour.be_well()
        with redis.Redis.from_url(self._redis_url) as client:
            client.delete(keys.rate_limit("award_badge", SHOP))


def _message(body: dict[str, Any], status: str) -> Any:
    return {
        "contents": json.dumps(body).encode(),
        "content_type": "application/json",
        "metadata": {"grpc-status": status},
    }
