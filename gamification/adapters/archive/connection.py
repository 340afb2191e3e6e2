"""Open a client for an S3-compatible store that cannot hang, and say its errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
)
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from gamification.domain.errors import GamificationError, Halt, Unavailable
from gamification.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

    Client: TypeAlias = S3Client

CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 20
"""Without a byte: an object has a few megabytes."""
ATTEMPTS_MAX: Final = 3
CONNECTIONS_MAX: Final = 4

NOT_THERE: Final = frozenset({"NoSuchKey", "404", "NotFound"})

OUR_FAULT: Final = frozenset(
    {
        *("AccessDenied", "403", "Forbidden", "AccountProblem", "AllAccessDisabled"),
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "TokenRefreshRequired"),
        *("NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "IllegalLocationConstraint"),
        *("AuthorizationHeaderMalformed", "InvalidStorageClass", "InvalidObjectState"),
        *("InvalidArgument", "InvalidRequest", "MalformedXML", "MethodNotAllowed"),
        *("EntityTooLarge", "KeyTooLongError", "NotImplemented", "ObjectLocked"),
    }
)
"""Settings, rights, or what this store cannot do: no retry mends these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where archived audit rows are. Empty texts: not set."""

    bucket: str
    prefix: str = "audit"
    endpoint_url: str = ""
    region: str = "us-east-1"
    cold_class: str = ""
    cold_bucket: str = ""
    access_key_id: SecretStr = SecretStr("")
    secret_access_key: SecretStr = SecretStr("")


class Missing(GamificationError):
    """There is no object under this key."""


def place_of(settings: Settings) -> Place | None:
    """None: no bucket is set, so nothing is archived."""
    if not settings.archive_bucket:
        return None
    cold_class = settings.archive_cold_class
    return Place(
        bucket=settings.archive_bucket,
        prefix=settings.archive_prefix,
        endpoint_url=settings.archive_endpoint_url,
        region=settings.archive_region,
        cold_class="" if cold_class == "none" else cold_class,
        cold_bucket=settings.archive_cold_bucket,
        access_key_id=settings.archive_access_key_id,
        secret_access_key=settings.archive_secret_access_key,
    )


def connect(place: Place, read_timeout_s: float) -> "Client":
    """A client for one thread; nothing is contacted yet.

    A call ends at the latest after ATTEMPTS_MAX times both time-outs, and some pauses. Without
    keys in the settings boto3 looks for the machine's own role. Raises Halt when the settings
    cannot be used.
    """
    key_id = place.access_key_id.get_secret_value()
    secret = place.secret_access_key.get_secret_value()
    if bool(key_id) != bool(secret):
        raise Halt("archive: only one half of the key is set (GAMIFICATION_ARCHIVE_...)")
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": ATTEMPTS_MAX, "mode": "standard"},
        max_pool_connections=CONNECTIONS_MAX,
        signature_version="s3v4",
        # Stores other than Amazon's seldom have a host name for each bucket.
        s3={"addressing_style": "path" if place.endpoint_url else "auto"},
        # Not every store knows the checksums that boto3 would add by itself; ours are enough.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with translated(place.bucket, place.prefix):
        session = boto3.session.Session(
            aws_access_key_id=key_id or None,
            aws_secret_access_key=secret or None,
            region_name=place.region,
        )
        try:
            return session.client("s3", endpoint_url=place.endpoint_url or None, config=config)
        except ValueError as error:
            raise Halt("archive: GAMIFICATION_ARCHIVE_ENDPOINT_URL is no address") from error


@contextmanager
def translated(bucket: str, key: str) -> Iterator[None]:
    """Wrap every call. Raises Missing, Unavailable or Halt, which name bucket and key only."""
    try:
        yield
    except (BotoCoreError, ClientError, HTTPError, OSError) as error:
        raise translate(error, f"{bucket}/{key}") from error


def translate(error: Exception, where: str) -> GamificationError:
    """Ours for theirs. What we do not know counts as the store being away.

    Nothing of the library's own text goes on: it may hold addresses with keys in them.
    """
    match error:
        case ClientError():
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            said = f"archive: {where}: {code}"
            if code in NOT_THERE:
                return Missing(said)
            return Halt(said) if code in OUR_FAULT else Unavailable(said)
        case NoCredentialsError() | ParamValidationError():
            return Halt(f"archive: {where}: {type(error).__name__}; are the settings right?")
        case _:
            return Unavailable(f"archive: {where}: {type(error).__name__}")
