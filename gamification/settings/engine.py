"""Settings of the engine and of every process."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from gamification.settings.setting import ADDRESSES, HOST, NAME, Dsn, Locales, setting

HTTP_PORTS: Final = {"award": 8081, "relay": 8082, "project": 8083, "service": 8080}
"""Default port of each process; a process that is not named here takes a free one."""


class EngineSettings(BaseModel):
    """Where the others are, how records are handled, what is kept, and how a process behaves."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )

    # Where the others are
    kafka_broker: str = setting(
        "KAFKA_BROKER",
        "127.0.0.1:9092",
        "Kafka brokers to start from.",
        allowed="host:port, several with commas between them",
        pattern=ADDRESSES,
    )
    schema_registry_url: str = setting(
        "GAMIFICATION_SCHEMA_REGISTRY_URL",
        "http://127.0.0.1:8080/apis/ccompat/v7",
        "Schema registry with Confluent's API.",
        allowed="an http:// or https:// URL",
        pattern=r"^https?://[^\s/]+(/\S*)?$",
    )
    postgres_dsn: Dsn = setting(
        "GAMIFICATION_POSTGRES_DSN",
        SecretStr("postgresql://127.0.0.1:5432/gamification"),
        "Postgres, with user and password.",
        allowed="postgresql://user:password@host:port/database, or libpq's key=value form",
    )
    redis_host: str = setting(
        "GAMIFICATION_REDIS_HOST",
        "127.0.0.1",
        "Redis for leaderboards and for the duplicates of a storm (policy noeviction).",
        allowed="a host name or address",
        pattern=HOST,
    )
    redis_port: int = setting(
        "GAMIFICATION_REDIS_PORT",
        6381,
        "Port of that Redis.",
        unit="port",
        at_least=1,
        at_most=65535,
    )
    redis_cluster: bool = setting(
        "GAMIFICATION_REDIS_CLUSTER",
        default=False,
        meaning="The Redis address is a node of a Redis Cluster.",
    )

    # Topics
    kafka_partitions: int = setting(
        "GAMIFICATION_KAFKA_PARTITIONS",
        12,
        "Partitions of each topic that `python -m cli.topics create` makes.",
        unit="partitions",
        at_least=1,
        at_most=1000,
    )
    kafka_replication: int = setting(
        "GAMIFICATION_KAFKA_REPLICATION",
        1,
        "Replicas of each topic that `python -m cli.topics create` makes; 3 in production.",
        unit="replicas",
        at_least=1,
        at_most=10,
    )

    # Award
    consumer_group: str = setting(
        "GAMIFICATION_CONSUMER_GROUP",
        "gamification.award",
        "Consumer group of the award workers; their offsets in Postgres are kept under this name.",
        allowed="letters, digits, . _ -",
        pattern=NAME,
    )
    batch_records_max: int = setting(
        "GAMIFICATION_BATCH_RECORDS_MAX",
        2000,
        "Most records in one transaction.",
        unit="records",
        at_least=1,
        at_most=20_000,
    )
    fetch_wait_ms: int = setting(
        "GAMIFICATION_FETCH_WAIT_MS",
        5,
        "How long the broker gathers records for an answer: a latency, against requests a second.",
        unit="ms",
        at_least=1,
        at_most=1000,
    )
    batch_wait_ms: int = setting(
        "GAMIFICATION_BATCH_WAIT_MS",
        1,
        "How long an unfilled batch waits for more records.",
        unit="ms",
        at_least=0,
        at_most=1000,
    )
    value_bytes_max: int = setting(
        "GAMIFICATION_VALUE_BYTES_MAX",
        1024 * 1024,
        "Larger record values are dead-lettered as too_large.",
        unit="bytes",
        at_least=1024,
        at_most=16 * 1024 * 1024,
    )
    create_merchants: bool = setting(
        "GAMIFICATION_CREATE_MERCHANTS",
        default=True,
        meaning="Make a merchant with defaults at its first event; off: unknown_merchant.",
    )
    supported_locales: Locales = setting(
        "GAMIFICATION_SUPPORTED_LOCALES",
        ("en", "es", "fr", "ar", "de", "pt", "ja"),
        "Locales that customers can have.",
        allowed="language codes such as en or pt-BR, with commas between them",
    )
    rejected_share_max_percent: int = setting(
        "GAMIFICATION_REJECTED_SHARE_MAX_PERCENT",
        50,
        "More rejected records than this in a long run: the fault is ours, the worker stops.",
        unit="percent",
        at_least=1,
        at_most=100,
    )
    rejected_run_min: int = setting(
        "GAMIFICATION_REJECTED_RUN_MIN",
        1000,
        "How many records make a run long enough to judge the share of rejected ones.",
        unit="records",
        at_least=10,
        at_most=1_000_000,
    )
    duplicate_storm_percent: int = setting(
        "GAMIFICATION_DUPLICATE_STORM_PERCENT",
        50,
        "From this share of duplicates on, Redis is asked first which events are done.",
        unit="percent",
        at_least=1,
        at_most=100,
    )
    processed_ttl_s: int = setting(
        "GAMIFICATION_PROCESSED_TTL_S",
        600,
        "How long Redis remembers an event that was done during a storm of duplicates.",
        unit="s",
        at_least=1,
        at_most=86_400,
    )

    # Relay and project
    relay_batch_rows_max: int = setting(
        "GAMIFICATION_RELAY_BATCH_ROWS_MAX",
        5000,
        "Most outbox rows looked at for one Kafka transaction.",
        unit="rows",
        at_least=1,
        at_most=50_000,
    )
    relay_gather_ms: int = setting(
        "GAMIFICATION_RELAY_GATHER_MS",
        200,
        "How long announcements other than badge.awarded are gathered for one Kafka transaction.",
        unit="ms",
        at_least=0,
        at_most=10_000,
    )
    outbox_keep_hours: int = setting(
        "GAMIFICATION_OUTBOX_KEEP_HOURS",
        24,
        "Published outbox rows are dropped after this time.",
        unit="h",
        at_least=1,
        at_most=8760,
    )
    changes_keep_hours: int = setting(
        "GAMIFICATION_CHANGES_KEEP_HOURS",
        24,
        "Projected change rows are dropped after this time.",
        unit="h",
        at_least=1,
        at_most=8760,
    )
    board_keep_days: int = setting(
        "GAMIFICATION_BOARD_KEEP_DAYS",
        7,
        "How long the leaderboard of a day, week or month is kept after its end.",
        unit="days",
        at_least=1,
        at_most=366,
    )

    # Every process
    service_name: str = setting(
        "SERVICE_NAME",
        "gamification",
        "Name of the service in logs, and in Consul.",
        allowed="letters, digits, . _ -",
        pattern=NAME,
    )
    version: str = setting(
        "GAMIFICATION_VERSION",
        "unknown",
        "What this build is called in traces and in gamification_build_info; the image sets it.",
        allowed="letters, digits and . _ + / -",
        pattern=r"^[A-Za-z0-9._+/-]{1,200}$",
    )
    http_host: str = setting(
        "GAMIFICATION_HTTP_HOST",
        "127.0.0.1",
        "Address that /health, /ready and /metrics listen on. They ask for no login, so only "
        "this machine sees them unless told otherwise; 0.0.0.0 in a container.",
        allowed="a host name or address",
        pattern=r"^[A-Za-z0-9.:_-]+$",
    )
    http_port: int | None = setting(
        "GAMIFICATION_HTTP_PORT",
        None,
        "Port of /health, /ready and /metrics; 0 takes a free one, which the log names. "
        f"Not set: {', '.join(f'{name} {port}' for name, port in HTTP_PORTS.items())}.",
        unit="port",
        at_least=0,
        at_most=65535,
    )
    log_format: Literal["auto", "json", "plain"] = setting(
        "GAMIFICATION_LOG_FORMAT",
        "auto",
        "One JSON object a line, or a plain form; auto: plain on a terminal only.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "GAMIFICATION_LOG_LEVEL", "info", "Least level that is logged."
    )
    otlp_endpoint: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "Where traces go, by OTLP over gRPC; without it none are made. The SDK's other variables "
        "hold, too: OTEL_TRACES_SAMPLER and its _ARG, OTEL_BSP_*, OTEL_SDK_DISABLED.",
        allowed="nothing, or an http:// or https:// URL; https:// encrypts",
        pattern=r"^(https?://[^\s/]+/?)?$",
    )
    metrics_merchants_max: int = setting(
        "GAMIFICATION_METRICS_MERCHANTS_MAX",
        100,
        "Merchants with metrics of their own; further ones count under `other`.",
        unit="merchants",
        at_least=0,
        at_most=10_000,
    )
    retry_backoff_max_ms: int = setting(
        "GAMIFICATION_RETRY_BACKOFF_MAX_MS",
        2000,
        "Longest pause before the next try while a dependency is away.",
        unit="ms",
        at_least=10,
        at_most=60_000,
    )
    heartbeat_limit_s: int = setting(
        "GAMIFICATION_HEARTBEAT_LIMIT_S",
        60,
        "A loop that did not turn for this long is dead: /health answers 503.",
        unit="s",
        at_least=1,
        at_most=600,
    )
    shutdown_within_s: int = setting(
        "GAMIFICATION_SHUTDOWN_WITHIN_S",
        10,
        "A process that was asked to stop and did not in this time ends itself hard.",
        unit="s",
        at_least=1,
        at_most=300,
    )
    kill_at: str = setting(
        "GAMIFICATION_KILL_AT",
        "",
        "Tests of faults only: the process kills or stops itself when it is here the n-th time.",
        allowed="nothing, or a point's name:n, or a point's name:n:stop",
        pattern=r"^([A-Za-z0-9_.-]{1,100}:[1-9]\d{0,8}(:stop)?)?$",
    )

    def http_port_of(self, process: str) -> int:
        """The port of one process; 0 means any free one."""
        return HTTP_PORTS.get(process, 0) if self.http_port is None else self.http_port
