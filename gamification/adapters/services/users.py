"""Whether a customer exists: the users service says. Its answer holds an address, which ends here.

The answer names nobody, so that a service which answers for somebody else cannot be noticed; the
worst that it can do is a yes for a customer who does not exist.
"""

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from cachetools import TTLCache
from grpc import StatusCode

from gamification.adapters.services.call import Service
from gamification.adapters.services.channels import Link, Method
from gamification.adapters.services.shared import SharedCalls
from gamification.domain.ids import CustomerId, MerchantId, uuid_text
from gamification.generated.users.v1.users_pb2 import GetCustomerRequest, GetCustomerResponse

NAME: Final = "users"
METHOD: Final = "/users.v1.UsersService/GetCustomer"
CUSTOMERS_MAX: Final = 50_000
"""Kept at a time; one takes about 300 bytes."""

NO: Final = frozenset({StatusCode.NOT_FOUND})

Who: TypeAlias = tuple[MerchantId, CustomerId]


class UsersClient:
    """For one event loop. A yes is believed for `cache_s` seconds, a no is not kept at all."""

    def __init__(
        self,
        link: Link,
        service: Service,
        cache_s: float,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        # Not the generated stub: it would hand the address on to us.
        self._get: Method[GetCustomerRequest, bool] = link.method(
            METHOD, GetCustomerRequest.SerializeToString, _is_customer
        )
        self._service = service
        self._known: TTLCache[Who, bool] = TTLCache(CUSTOMERS_MAX, cache_s, monotonic_s)
        self._calls: SharedCalls[Who, bool] = SharedCalls()

    async def exists(
        self, merchant_id: MerchantId, customer_id: CustomerId, traceparent: str | None = None
    ) -> bool:
        """Whether the merchant has this customer. Raises Unavailable when nobody can say."""
        who = (merchant_id, customer_id)
        if who in self._known:
            return True
        return await self._calls.ask(who, lambda: self._ask(who, traceparent))

    async def _ask(self, who: Who, traceparent: str | None) -> bool:
        merchant_id, customer_id = map(uuid_text, who)
        request = GetCustomerRequest(customer_id=customer_id, merchant_id=merchant_id)
        answer = await self._service.call(self._get, request, says=NO, traceparent=traceparent)
        if isinstance(answer, StatusCode):
            return False
        self._known[who] = True
        return True


def _is_customer(raw: bytes) -> bool:
    """Yes for any answer that can be read; what it says is dropped before anybody sees it."""
    GetCustomerResponse.FromString(raw)
    return True
