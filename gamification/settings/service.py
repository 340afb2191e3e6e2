"""Settings of the service that other services call."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, SecretStr

from gamification.settings.setting import ADDRESS, HOST, setting

PATH: Final = r"^(/[^\x00-\x1f]{1,4000})?$"
HASH_KEY_CHARACTERS_MIN: Final = 16


def _hash_key(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < HASH_KEY_CHARACTERS_MIN:
        raise ValueError("too short")
    return value


HashKey = Annotated[SecretStr, AfterValidator(_hash_key)]


class ServiceSettings(BaseModel):
    """Where it listens, whom it asks, and how much it takes."""

    # Where it listens
    grpc_host: str = setting(
        "GAMIFICATION_GRPC_HOST",
        "127.0.0.1",
        "Address on which gRPC is answered; 0.0.0.0 for all.",
        allowed="a host name or address",
        pattern=HOST,
    )
    grpc_port: int = setting(
        "GAMIFICATION_GRPC_PORT",
        50054,
        "Its port; 0 takes a free one.",
        unit="port",
        at_least=0,
        at_most=65535,
    )
    tls_certificate: str = setting(
        "GAMIFICATION_TLS_CERTIFICATE",
        "",
        "PEM file with our certificate and its chain, for mutual TLS of gRPC, both as a server and "
        "as a client. All three or none; they are read again when they change.",
        allowed="an absolute path",
        pattern=PATH,
    )
    tls_key: str = setting(
        "GAMIFICATION_TLS_KEY",
        "",
        "PEM file with its private key.",
        allowed="an absolute path",
        pattern=PATH,
    )
    tls_ca: str = setting(
        "GAMIFICATION_TLS_CA",
        "",
        "PEM file with the CAs whose certificates we trust, callers' and services'.",
        allowed="an absolute path",
        pattern=PATH,
    )

    client_hash_key: HashKey = setting(
        "GAMIFICATION_CLIENT_HASH_KEY",
        SecretStr(""),
        "Log lines of refused calls name the caller's address by a hash with this key, the same in "
        "all instances. Not set: each process makes a key of its own, and the hashes of two "
        "processes cannot be compared.",
        allowed=f"{HASH_KEY_CHARACTERS_MIN} characters or more",
    )

    # How much it takes
    award_badge_per_s: int = setting(
        "GAMIFICATION_AWARD_BADGE_PER_S",
        100,
        "AwardBadge calls in a second for each merchant, over all instances.",
        unit="calls/s",
        at_least=1,
        at_most=100_000,
    )
    purge_per_minute: int = setting(
        "GAMIFICATION_PURGE_PER_MINUTE",
        10,
        "PurgeAuditLogs calls in a minute for each merchant, over all instances.",
        unit="calls/min",
        at_least=1,
        at_most=1000,
    )
    call_gather_ms: int = setting(
        "GAMIFICATION_CALL_GATHER_MS",
        2,
        "How long the first call of a transaction waits for others.",
        unit="ms",
        at_least=0,
        at_most=100,
    )
    calls_together_max: int = setting(
        "GAMIFICATION_CALLS_TOGETHER_MAX",
        500,
        "Most calls in one transaction.",
        unit="calls",
        at_least=1,
        at_most=5000,
    )
    connections_max: int = setting(
        "GAMIFICATION_CONNECTIONS_MAX",
        2000,
        "Connections of callers; one more is closed at once. Each takes about 20 KiB, and an open "
        "file of the process.",
        unit="connections",
        at_least=1,
        at_most=100_000,
    )
    calls_at_once_max: int = setting(
        "GAMIFICATION_CALLS_AT_ONCE_MAX",
        128,
        "AwardBadge calls that are worked on at a time, and so at most in one transaction; further "
        "ones wait for their turn.",
        unit="calls",
        at_least=1,
        at_most=10_000,
    )
    calls_waiting_max: int = setting(
        "GAMIFICATION_CALLS_WAITING_MAX",
        5000,
        "AwardBadge calls that may wait for their turn; further ones are answered UNAVAILABLE.",
        unit="calls",
        at_least=1,
        at_most=100_000,
    )

    # Services that are called
    auth_host: str = setting(
        "AUTH_HOST",
        "127.0.0.1:50051",
        "The auth service (gRPC), which says whose a token is.",
        allowed="host:port",
        pattern=ADDRESS,
    )
    users_host: str = setting(
        "USERS_HOST",
        "127.0.0.1:50052",
        "The users service (gRPC), which says whether a customer exists.",
        allowed="host:port",
        pattern=ADDRESS,
    )
    auth_deadline_ms: int = setting(
        "GAMIFICATION_AUTH_DEADLINE_MS",
        1000,
        "Longest time to find out whose a token is, over all tries.",
        unit="ms",
        at_least=10,
        at_most=30_000,
    )
    users_deadline_ms: int = setting(
        "GAMIFICATION_USERS_DEADLINE_MS",
        1000,
        "Longest time to find out whether a customer exists, over all tries.",
        unit="ms",
        at_least=10,
        at_most=30_000,
    )
    auth_cache_s: int = setting(
        "GAMIFICATION_AUTH_CACHE_S",
        60,
        "How long a valid token is believed without asking again, at most until it expires. The "
        "list of revoked tokens is asked every time. 0: always ask.",
        unit="s",
        at_least=0,
        at_most=600,
    )
    users_cache_s: int = setting(
        "GAMIFICATION_USERS_CACHE_S",
        60,
        "How long a customer who exists is believed to without asking again. 0: always ask.",
        unit="s",
        at_least=0,
        at_most=3600,
    )
