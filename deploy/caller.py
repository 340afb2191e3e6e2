"""Calls the service as another one would: `python -m deploy.caller award|purge`.

Where it is and the token come from the environment (GAMIFICATION_GRPC_HOST, GAMIFICATION_GRPC_PORT,
TOKEN), as `make up` prints them.
"""

import argparse
import os
import sys
import uuid
from collections.abc import Mapping
from typing import Any, Final

import grpc

from gamification.generated.gamification.v1 import gamification_pb2 as pb
from gamification.generated.gamification.v1.gamification_pb2_grpc import GamificationServiceStub

ANSWER_WITHIN_S: Final = 30.0
MERCHANT: Final = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0001"
BADGE: Final = "host"
LOCALE: Final = "pt-BR"
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2


class Caller:
    """Calls one service for one merchant. Every method raises grpc.RpcError."""

    def __init__(self, address: str, merchant: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._stub: Any = GamificationServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._merchant = merchant

    def award(self, token: str, customer: str, badge: str, locale: str) -> pb.AwardBadgeResponse:
        answer: pb.AwardBadgeResponse = self._stub.AwardBadge(
            pb.AwardBadgeRequest(
                merchant_id=self._merchant, customer_id=customer, badge=badge, locale=locale
            ),
            metadata=(("authorization", f"Bearer {token}"),),
            timeout=ANSWER_WITHIN_S,
        )
        return answer

    def purge(self, token: str) -> pb.PurgeAuditLogsResponse:
        answer: pb.PurgeAuditLogsResponse = self._stub.PurgeAuditLogs(
            pb.PurgeAuditLogsRequest(merchant_id=self._merchant),
            metadata=(("authorization", f"Bearer {token}"),),
            timeout=ANSWER_WITHIN_S,
        )
        return answer

    def close(self) -> None:
        self._channel.close()


def award_status(answer: pb.AwardBadgeResponse) -> str:
    """AWARDED or ALREADY_AWARDED."""
    return pb.AwardStatus.Name(answer.status).removeprefix("AWARD_STATUS_")


def purge_status(answer: pb.PurgeAuditLogsResponse) -> str:
    """PURGED, or EMPTY when there was nothing."""
    return pb.PurgeStatus.Name(answer.status).removeprefix("PURGE_STATUS_")


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    wanted = _parser().parse_args(arguments)
    token = environment.get("TOKEN", "")
    if not token:
        print("TOKEN is not set; see python -m deploy.neighbours token --help", file=sys.stderr)
        return EXIT_USAGE
    host = environment.get("GAMIFICATION_GRPC_HOST") or "127.0.0.1"
    port = environment.get("GAMIFICATION_GRPC_PORT") or "50054"
    caller = Caller(f"{host}:{port}", wanted.merchant_id)
    try:
        print(_ask(caller, token, wanted))
    except grpc.RpcError as error:
        ended: Any = error
        print(f"{ended.code().name}: {ended.details()}", file=sys.stderr)
        return EXIT_REFUSED
    finally:
        caller.close()
    return 0


def _ask(caller: Caller, token: str, wanted: argparse.Namespace) -> str:
    if wanted.do == "purge":
        purged = caller.purge(token)
        return (
            f"{purge_status(purged)}: deleted rows {purged.rows_deleted}, archived objects"
            f" {purged.objects_deleted}"
        )
    customer = wanted.customer_id or str(uuid.uuid4())
    given = caller.award(token, customer, wanted.badge, wanted.locale)
    return f"{award_status(given)}: {given.badge_name!r} ({given.locale}) for customer {customer}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.caller", description=__doc__)
    each = parser.add_subparsers(dest="do", required=True)
    award = each.add_parser("award", help="give a customer a badge")
    purge = each.add_parser("purge", help="delete the merchant's audit log")
    for one in (award, purge):
        one.add_argument("--merchant-id", default=MERCHANT, help=f"{MERCHANT} unless told")
    award.add_argument("--customer-id", default="", help="somebody new unless told")
    award.add_argument("--badge", default=BADGE, help=f"{BADGE} unless told")
    award.add_argument("--locale", default=LOCALE, help=f"{LOCALE} unless told")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
