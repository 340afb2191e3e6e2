"""What people are shown holds nobody's address and no token, wherever they are."""

from gamification.telemetry.personal import HIDDEN, all_masked

ADDRESS = "anna.schmidt@mail.example.org"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2ln"  # noqa: S105 - nobody signed it


def test_they_are_masked_in_every_text_of_what_is_shown() -> None:
    shown = {
        "headers": {"dlq.origin.topic": "points.earned", "x-user": ADDRESS},
        "fields": {
            "attributes": {ADDRESS: "1", "token": TOKEN},
            "list": [1, None, f"from {ADDRESS}"],
        },
        "detail": "lesson_id: 1 to 128 characters",
    }

    assert all_masked(shown) == {
        "headers": {"dlq.origin.topic": "points.earned", "x-user": HIDDEN},
        "fields": {
            "attributes": {HIDDEN: "1", "token": HIDDEN},
            "list": [1, None, f"from {HIDDEN}"],
        },
        "detail": "lesson_id: 1 to 128 characters",
    }


def test_of_bytes_only_their_number_is_shown() -> None:
    assert all_masked({"value": ADDRESS.encode()}) == {"value": "29 bytes"}
