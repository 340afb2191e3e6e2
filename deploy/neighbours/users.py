"""A small users service: it knows the customers that it was told of, or everybody."""

from collections.abc import Iterable

import grpc

from deploy.neighbours.behaviour import GARBAGE, Behaviour, Context, Lie
from gamification.generated.users.v1.users_pb2 import GetCustomerRequest, GetCustomerResponse


class Users:
    """`customers` are pairs of merchant and customer, both UUIDs as text."""

    def __init__(
        self, customers: Iterable[tuple[str, str]] = (), *, knows_everybody: bool = False
    ) -> None:
        self.behaviour = Behaviour()
        self.customers = set(customers)
        self._knows_everybody = knows_everybody

    def handler(self) -> grpc.GenericRpcHandler:
        """For a grpc.aio server."""
        method = grpc.unary_unary_rpc_method_handler(
            self._get,
            request_deserializer=GetCustomerRequest.FromString,
            response_serializer=bytes,
        )
        return grpc.method_handlers_generic_handler(
            "users.v1.UsersService", {"GetCustomer": method}
        )

    async def _get(self, request: GetCustomerRequest, context: Context) -> bytes:
        await self.behaviour.before_answer(context)
        lie = self.behaviour.lie
        if lie is Lie.GARBAGE:
            return GARBAGE
        is_known = self._knows_everybody or (request.merchant_id, request.customer_id) in (
            self.customers
        )
        if lie is Lie.NOBODY or (lie is not Lie.EVERYBODY and not is_known):
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such customer")
        whose = "somebody.else" if lie is Lie.OTHER_CUSTOMER else request.customer_id
        points = -1 if lie is Lie.NONSENSE else 7
        return GetCustomerResponse(
            email=f"{whose}@customers.example", points_balance=points
        ).SerializeToString()
