"""Failures, named for the action that each one demands.

GamificationError
├── Rejected            the record is wrong    -> dead-letter it, go on
├── Suspect             one record of a batch may be wrong -> halve the batch, find it
├── Unavailable         the world is wrong     -> roll back, back off, try again
│   └── PartitionLost                          -> forget what we know, seek, go on
├── Refused             the caller is wrong    -> tell the caller, with the field or the reason
│   ├── InvalidArgument
│   ├── NotAuthenticated
│   ├── NotPermitted
│   ├── NotFound
│   ├── NotEligible
│   └── TooManyRequests
└── Halt                we are wrong           -> stop the process, page someone
    ├── InvariantBroken
    └── TooManyRejected

A duplicate, a reached cap, not enough coins are expected: they are values, not exceptions.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a record became a dead letter. Closed: operators filter and count by it."""

    MALFORMED = "malformed"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNSAFE_SCHEMA = "unsafe_schema"
    INVALID_FIELD = "invalid_field"
    TOO_LARGE = "too_large"
    FUTURE_TIMESTAMP = "future_timestamp"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    UNKNOWN_MERCHANT = "unknown_merchant"
    POISON = "poison"


class GamificationError(Exception):
    """Root. Only process entry points may catch it."""


class Rejected(GamificationError):
    """This record will never succeed.

    `detail` is one line for an operator: it names the field and what is allowed, and holds
    nothing of the record's payload.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Suspect(GamificationError):
    """The transaction failed for a reason that may be one record's own."""


class Unavailable(GamificationError):
    """The same work may succeed later."""


class PartitionLost(Unavailable):
    """Another worker moved a partition that we thought was ours."""


class Refused(GamificationError):
    """This call will not succeed as it is. The message is for the caller: nothing of us in it."""


class InvalidArgument(Refused):
    """The message begins with the field's name and says what is allowed."""


class NotAuthenticated(Refused):
    """No token, or one that is not or no longer valid."""


class NotPermitted(Refused):
    """The token is good, but not for this."""


class NotFound(Refused):
    """What the call names does not exist, for this merchant."""


class NotEligible(Refused):
    """The customer may not have it yet: the same call may succeed later."""


class TooManyRequests(Refused):
    """A limit is used up."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Halt(GamificationError):
    """Going on would do harm."""


class InvariantBroken(Halt):
    """A state that we proved impossible."""


class TooManyRejected(Halt):
    """So many rejections that the fault is ours, not the records'."""
