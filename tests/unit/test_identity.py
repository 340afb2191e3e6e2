"""Who may do what: the table of scopes, and nothing beyond it."""

import itertools
import re
from pathlib import Path

import pytest

from gamification.domain.errors import NotPermitted
from gamification.domain.identity import (
    ALLOWED_BY,
    UNNAMED,
    Identity,
    Operation,
    Scope,
    require,
)
from gamification.domain.ids import MerchantId

PAGE = Path(__file__).parents[2] / "docs" / "security.md"

OURS = MerchantId(bytes(15) + b"\x01")
THEIRS = MerchantId(bytes(15) + b"\x02")

MAY = {
    (Operation.AWARD_BADGE, Scope.AWARD),
    (Operation.AWARD_BADGE, Scope.EDIT),
    (Operation.PURGE_AUDIT_LOGS, Scope.EDIT),
}


def somebody(*scopes: str, merchant: MerchantId = OURS, until_s: int | None = None) -> Identity:
    return Identity(merchant, frozenset(scopes), "token-1", "somebody@example.org", until_s)


@pytest.mark.parametrize(("operation", "scope"), tuple(itertools.product(Operation, Scope)))
def test_a_scope_allows_what_the_table_says_and_no_more(operation: Operation, scope: Scope) -> None:
    if (operation, scope) in MAY:
        require(somebody(scope), operation, OURS)
    else:
        with pytest.raises(NotPermitted):
            require(somebody(scope), operation, OURS)


@pytest.mark.parametrize("operation", Operation)
def test_without_a_scope_nothing_is_allowed(operation: Operation) -> None:
    with pytest.raises(NotPermitted, match="needs the scope"):
        require(somebody(), operation, OURS)


@pytest.mark.parametrize("operation", Operation)
def test_every_scope_together_allows_nothing_for_another_merchant(operation: Operation) -> None:
    with pytest.raises(NotPermitted, match=r"^merchant_id: "):
        require(somebody(*Scope), operation, THEIRS)


@pytest.mark.parametrize(
    "scope", ["", "*", "admin", "gamification:*", "Gamification:Award", " gamification:award"]
)
def test_scopes_are_compared_letter_by_letter(scope: str) -> None:
    with pytest.raises(NotPermitted):
        require(somebody(scope), Operation.AWARD_BADGE, OURS)


def test_an_operation_that_the_table_forgot_is_denied_to_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gamification.domain.identity.ALLOWED_BY", {})

    with pytest.raises(NotPermitted):
        require(somebody(*Scope), Operation.AWARD_BADGE, OURS)


def test_the_page_for_people_has_the_same_table() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (`[a-z:]+`(?:, `[a-z:]+`)*) \|$", PAGE.read_text(), re.MULTILINE
    )

    assert {name: set(re.findall(r"[a-z:]+", scopes)) for name, scopes in rows} == {
        str(operation): {str(scope) for scope in scopes} for operation, scopes in ALLOWED_BY.items()
    }


def test_every_operation_is_in_the_table() -> None:
    assert set(ALLOWED_BY) == set(Operation)
    assert all(ALLOWED_BY.values())


def test_a_refusal_names_no_person_and_no_token() -> None:
    with pytest.raises(NotPermitted) as refused:
        require(somebody(), Operation.AWARD_BADGE, OURS)

    assert "somebody" not in str(refused.value)
    assert "token-1" not in str(refused.value)


def test_a_token_is_over_in_the_second_that_it_names() -> None:
    assert not somebody(until_s=100).is_expired(99.9)
    assert somebody(until_s=100).is_expired(100)
    assert not somebody(until_s=None).is_expired(1e12)


@pytest.mark.parametrize("subject", ["user-17", "auth0|5f7c8ec7", "svc:shop/eu", "0190a8b2"])
def test_the_actor_is_the_subject(subject: str) -> None:
    assert Identity(OURS, frozenset(), "token-1", subject, None).actor == subject


@pytest.mark.parametrize(
    "subject",
    [None, "", "anna@example.org", "anna%40example.org", "Anna Schmidt", "anna\uff20x", "a" * 129],
)
def test_a_subject_that_may_be_an_address_or_a_name_is_not_the_actor(subject: str | None) -> None:
    assert Identity(OURS, frozenset(), "token-1", subject, None).actor == "token-1"


def test_a_token_whose_id_is_an_address_has_no_name_at_all() -> None:
    identity = Identity(OURS, frozenset(), "anna@example.org", "anna@example.org", None)

    assert identity.actor == identity.token_name == UNNAMED
