"""The pact of the points service for AwardBadge: what it asks, and what it needs in the answers.

`python -m tests.contract.points_pact` writes it into `pacts/`. Pact knows no gRPC without a plugin
that has to be downloaded, so each call is a synchronous message: the request and the response in
the proto's JSON form, metadata beside them, and the status as `grpc-status`.
"""

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from pact import Pact, match

from tests.contract.points_service import Next, Outcome

# Pact reports each use to its makers unless this says `true`: not `1`, not `yes`.
os.environ["PACT_DO_NOT_TRACK"] = "true"

CONSUMER: Final = "points-service"
PROVIDER: Final = "gamification"
FOLDER: Final = Path(__file__).parent / "pacts"
METHOD: Final = "gamification.v1.GamificationService/AwardBadge"
TOKEN: Final = "the-token"  # noqa: S105 - whoever verifies puts a real one in its place
MERCHANT: Final = "6f9b1c8e-0b1d-4d55-9a37-2f6a3c1f0001"
CUSTOMER: Final = "0190a8b2-5c1e-7d3a-9f00-6a2b3c4d5e6f"
DELAY: Final = r"^\d+(\.\d+)?s$"

MAY_AWARD: Final = "the token may award badges of the merchant"


class Expected(NamedTuple):
    """One call. `states` hold before it; `needs` is what the response must be like."""

    what: str
    states: tuple[str, ...]
    outcome: Outcome
    status: str = "OK"
    badge: str = "guest"
    needs: Any = None

    @property
    def request(self) -> dict[str, str]:
        return {
            "merchant_id": MERCHANT,
            "customer_id": CUSTOMER,
            "badge": self.badge,
            "locale": "pt-BR",
        }


def _answer(status: str) -> dict[str, Any]:
    """The name may be any text, in any language; the status is this one."""
    return {
        "status": status,
        "badge_name": match.type("Nosso hóspede"),
        "locale": match.regex("pt", regex=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$"),
    }


EXPECTED: Final = (
    Expected(
        "a badge for a customer",
        (MAY_AWARD,),
        Outcome(Next.CONGRATULATE, "Nosso hóspede"),
        needs=_answer("AWARD_STATUS_AWARDED"),
    ),
    Expected(
        "a badge that the customer holds",
        (MAY_AWARD, "the customer holds the badge guest"),
        Outcome(Next.NOTHING, "Nosso hóspede"),
        needs=_answer("AWARD_STATUS_ALREADY_AWARDED"),
    ),
    Expected(
        "a badge that does not exist",
        (MAY_AWARD,),
        Outcome(Next.GIVE_UP),
        status="NOT_FOUND",
        badge="no-such-badge",
    ),
    Expected(
        "a badge that the customer may not hold yet",
        (MAY_AWARD,),
        Outcome(Next.NOTHING),
        status="FAILED_PRECONDITION",
        badge="local",
    ),
    Expected(
        "a badge that cannot be one",
        (MAY_AWARD,),
        Outcome(Next.GIVE_UP, "badge"),
        status="INVALID_ARGUMENT",
        badge="Not A Badge",
        needs={"message": match.regex("badge: not an id", regex="^badge: .+")},
    ),
    Expected(
        "a badge with a token that is not valid",
        ("the token is not valid",),
        Outcome(Next.RENEW_TOKEN),
        status="UNAUTHENTICATED",
    ),
    Expected(
        "a badge with the token of another merchant",
        ("the token is another merchant's",),
        Outcome(Next.GIVE_UP),
        status="PERMISSION_DENIED",
    ),
    Expected(
        "a badge beyond the merchant's limit",
        (MAY_AWARD, "the merchant has used up its limit"),
        Outcome(Next.TRY_LATER, after_s=1.5),
        status="RESOURCE_EXHAUSTED",
        needs={"retry_delay": match.regex("1.500s", regex=DELAY)},
    ),
    Expected(
        "a badge while the users service is away",
        (MAY_AWARD, "the users service is away"),
        Outcome(Next.TRY_LATER),
        status="UNAVAILABLE",
    ),
)


def pact() -> Pact:
    """All of them; the same each time."""
    made = Pact(CONSUMER, PROVIDER).with_specification("V4")
    for each in EXPECTED:
        interaction = made.upon_receiving(each.what, "Sync")
        for state in each.states:
            interaction.given(state)
        sent = {"method": METHOD, "authorization": f"Bearer {TOKEN}"}
        interaction.with_body(each.request, "application/json", "Request")
        interaction.with_metadata(dict(sent), "Request")
        interaction.with_body(each.needs or {}, "application/json", "Response")
        interaction.with_metadata({"grpc-status": each.status}, "Response")
    return made


def write(folder: Path) -> Path:
    """Write the pact there, whatever was there before; return the file."""
    pact().write_file(folder, overwrite=True)
    return folder / f"{CONSUMER}-{PROVIDER}.json"


if __name__ == "__main__":
    print(write(FOLDER))  # noqa: T201 - a command
