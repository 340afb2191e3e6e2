"""What the environment may say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest

from gamification.settings import Settings, SettingsError, Variable, load, misspelled, variables

DSN = "postgresql://app:hunter22@db:5432/game"

NUMBERS = tuple(v for v in variables() if v.allowed.startswith("a whole number"))

LONG = "x" * 5_000

WRONG_WORDS = {
    "KAFKA_SECURITY_PROTOCOL": "TLS",
    "KAFKA_SASL_MECHANISM": "GSSAPI",
    "KAFKA_SASL_USERNAME": "two words",
    "KAFKA_SASL_PASSWORD": "a\nb",
    "KAFKA_SSL_CA": LONG,
    "KAFKA_SSL_CERTIFICATE": LONG,
    "KAFKA_SSL_KEY": LONG,
    "GAMIFICATION_REDIS_USERNAME": "two words",
    "GAMIFICATION_REDIS_PASSWORD": "a\nb",
    "GAMIFICATION_REDIS_TLS": "perhaps",
    "GAMIFICATION_REDIS_CA": LONG,
    "GAMIFICATION_SCHEMA_REGISTRY_USERNAME": "two words",
    "GAMIFICATION_SCHEMA_REGISTRY_PASSWORD": "a\nb",
    "GAMIFICATION_SCHEMA_REGISTRY_CA": LONG,
    "GAMIFICATION_VERSION": "1 2",
    "KAFKA_BROKER": "broker without a port",
    "GAMIFICATION_SCHEMA_REGISTRY_URL": "registry:8081",
    "GAMIFICATION_POSTGRES_DSN": "db.example",
    "GAMIFICATION_REDIS_HOST": "redis://host",
    "GAMIFICATION_REDIS_CLUSTER": "perhaps",
    "AUTH_HOST": "auth:50051,auth2:50051",
    "USERS_HOST": "https://users",
    "GAMIFICATION_CONSUMER_GROUP": "a group",
    "GAMIFICATION_CREATE_MERCHANTS": "2",
    "GAMIFICATION_SUPPORTED_LOCALES": "en,english",
    "SERVICE_NAME": "my service",
    "GAMIFICATION_HTTP_HOST": "http://0.0.0.0",
    "GAMIFICATION_LOG_FORMAT": "xml",
    "GAMIFICATION_LOG_LEVEL": "loud",
    "GAMIFICATION_KILL_AT": "commit:0",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
    "GAMIFICATION_GRPC_HOST": "http://0.0.0.0",
    "CONSUL_HTTP_ADDR": "ftp://consul:8500",
    "CONSUL_HTTP_TOKEN": "two words",
    "GAMIFICATION_SERVICE_ADDRESS": "http://shop",
    "SERVICE_CHECK_HTTP": "health",
    "GAMIFICATION_TLS_CERTIFICATE": "server.crt",
    "GAMIFICATION_TLS_KEY": "./server.key",
    "GAMIFICATION_TLS_CA": "ca.crt",
    "GAMIFICATION_CLIENT_HASH_KEY": "short",
    "GAMIFICATION_ARCHIVE_BUCKET": "Bucket",
    "GAMIFICATION_ARCHIVE_PREFIX": "/audit",
    "GAMIFICATION_ARCHIVE_ENDPOINT_URL": "https://user:word@store",
    "GAMIFICATION_ARCHIVE_REGION": "Europe!",
    "GAMIFICATION_ARCHIVE_COLD_CLASS": "glacier",
    "GAMIFICATION_ARCHIVE_COLD_BUCKET": "a",
    "GAMIFICATION_ARCHIVE_ACCESS_KEY_ID": "two words",
    "GAMIFICATION_ARCHIVE_SECRET_ACCESS_KEY": "two words",
}


def problem_of(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        load(environ)
    assert len(raised.value.problems) == 1
    return raised.value.problems[0]


def test_an_empty_environment_is_enough() -> None:
    settings = load({})

    assert settings == Settings()
    assert settings.redis_port == 6381
    assert settings.supported_locales == ("en", "es", "fr", "ar", "de", "pt", "ja")


def test_every_value_comes_from_its_variable() -> None:
    settings = load(
        {
            "KAFKA_BROKER": "a:1,b:2",
            "GAMIFICATION_POSTGRES_DSN": DSN,
            "GAMIFICATION_REDIS_CLUSTER": "true",
            "GAMIFICATION_BATCH_WAIT_MS": "0",
            "GAMIFICATION_SUPPORTED_LOCALES": "en, pt-BR",
        }
    )

    assert settings.kafka_broker == "a:1,b:2"
    assert settings.postgres_dsn.get_secret_value() == DSN
    assert settings.redis_cluster
    assert settings.batch_wait_ms == 0
    assert settings.supported_locales == ("en", "pt-BR")


def test_the_process_environment_is_read_when_no_other_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GAMIFICATION_BATCH_RECORDS_MAX", "17")

    assert load().batch_records_max == 17


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({variable.name: "" for variable in variables()}) == Settings()


@pytest.mark.parametrize("variable", NUMBERS, ids=lambda v: v.name)
def test_a_number_outside_its_range_is_told_with_variable_and_range(variable: Variable) -> None:
    least, most = (int(word) for word in variable.allowed.split(" from ")[1].split(" to "))

    for wrong in (str(least - 1), str(most + 1), "many", "1.5", "9" * 400):
        problem = problem_of({variable.name: wrong})
        assert problem.startswith(f"{variable.name}: '{wrong[:80]}' is not allowed")
        assert f"a whole number from {least} to {most}" in problem
    assert getattr(load({variable.name: str(least)}), variable.attribute) == least
    assert getattr(load({variable.name: str(most)}), variable.attribute) == most


@pytest.mark.parametrize(("name", "wrong"), WRONG_WORDS.items())
def test_a_wrong_word_is_told_with_variable_and_what_is_allowed(name: str, wrong: str) -> None:
    allowed = next(variable.allowed for variable in variables() if variable.name == name)

    problem = problem_of({name: wrong})

    assert problem.startswith(f"{name}: ")
    assert problem.endswith(f"; allowed: {allowed}")


def test_every_variable_has_a_wrong_value_in_these_tests() -> None:
    tested = {variable.name for variable in NUMBERS} | set(WRONG_WORDS)

    assert {variable.name for variable in variables()} == tested


def test_all_wrong_values_are_told_at_once_each_on_one_line() -> None:
    with pytest.raises(SettingsError) as raised:
        load(
            {
                "GAMIFICATION_POSTGRES_DSN_FILE": "/no/such/file",
                "GAMIFICATION_REDIS_PORT": "tcp://10.0.0.1:6379\nsecond line",
                "GAMIFICATION_LOG_LEVEL": "loud",
            }
        )

    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "GAMIFICATION_POSTGRES_DSN_FILE",
        "GAMIFICATION_REDIS_PORT",
        "GAMIFICATION_LOG_LEVEL",
    ]
    assert not any("\n" in problem for problem in raised.value.problems)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text(DSN + "\n")

    settings = load({"GAMIFICATION_POSTGRES_DSN_FILE": str(tmp_path / "dsn")})

    assert settings.postgres_dsn.get_secret_value() == DSN


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text(DSN)

    problem = problem_of(
        {
            "GAMIFICATION_POSTGRES_DSN": DSN,
            "GAMIFICATION_POSTGRES_DSN_FILE": str(tmp_path / "dsn"),
        }
    )

    assert problem.startswith("GAMIFICATION_POSTGRES_DSN: also set by")
    assert "hunter22" not in problem


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_secret_file_without_a_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dsn").write_bytes(content)

    problem = problem_of({"GAMIFICATION_POSTGRES_DSN_FILE": str(tmp_path / "dsn")})

    assert problem.startswith("GAMIFICATION_POSTGRES_DSN_FILE: ")


def test_only_secrets_may_come_from_files() -> None:
    assert load({"GAMIFICATION_REDIS_HOST_FILE": "/no/such/file"}) == Settings()


def test_no_secret_shows_in_settings_or_in_what_is_wrong_with_them() -> None:
    settings = load({"GAMIFICATION_POSTGRES_DSN": DSN})
    wrong = problem_of({"GAMIFICATION_POSTGRES_DSN": "hunter22"})

    for text in (repr(settings), str(settings), settings.model_dump_json(), wrong):
        assert "hunter22" not in text


def test_a_secret_is_hidden_when_another_value_is_wrong() -> None:
    problem = problem_of({"GAMIFICATION_POSTGRES_DSN": DSN, "GAMIFICATION_LOG_LEVEL": "loud"})

    assert "hunter22" not in problem


def test_settings_cannot_be_changed() -> None:
    settings = load({})

    with pytest.raises(ValueError, match="frozen"):
        settings.redis_port = 1  # type: ignore[misc]


def test_each_process_has_a_port_of_its_own_unless_one_is_given() -> None:
    ports = [load({}).http_port_of(name) for name in ("award", "relay", "project", "other")]

    assert ports == [8081, 8082, 8083, 0]
    assert load({"GAMIFICATION_HTTP_PORT": "9000"}).http_port_of("award") == 9000


def test_a_misspelled_variable_is_noticed_and_others_with_our_prefix_are_not() -> None:
    lines = misspelled(
        {
            "GAMIFICATION_BATCH_WIAT_MS": "5",
            "GAMIFICATION_SERVICE_PORT_HTTP": "8080",
            "GAMIFICATION_POSTGRES_DSN_FILE": "/run/secrets/dsn",
            "KAFKA_BROKERS": "a:1",
        }
    )

    assert lines == ("GAMIFICATION_BATCH_WIAT_MS is not a setting; GAMIFICATION_BATCH_WAIT_MS is",)


def test_every_setting_is_explained() -> None:
    for variable in variables():
        assert variable.meaning.endswith("."), variable.name
        assert variable.allowed, variable.name
        assert variable.name.startswith(("GAMIFICATION_", "KAFKA_S")) or variable.name in {
            "AUTH_HOST",
            "CONSUL_HTTP_ADDR",
            "CONSUL_HTTP_TOKEN",
            "KAFKA_BROKER",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "SERVICE_CHECK_HTTP",
            "SERVICE_NAME",
            "SERVICE_PORT",
            "USERS_HOST",
        }


def test_numbers_say_their_unit() -> None:
    assert [variable.name for variable in NUMBERS if not variable.unit] == []


CA = str(Path(__file__))
LOGIN = {"KAFKA_SASL_USERNAME": "app", "KAFKA_SASL_PASSWORD": "hunter22"}
SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}
SSL = {"KAFKA_SECURITY_PROTOCOL": "SSL"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (SASL, ["KAFKA_SASL_USERNAME: not set", "KAFKA_SASL_PASSWORD: not set"]),
        (LOGIN, ["KAFKA_SASL_USERNAME: set, but not", "KAFKA_SASL_PASSWORD: set, but not"]),
        ({"KAFKA_SSL_CA": CA}, ["KAFKA_SSL_CA: set, but not used by KAFKA_SECURITY_PROTOCOL="]),
        (SSL | {"KAFKA_SSL_KEY": CA}, ["KAFKA_SSL_CERTIFICATE: not set"]),
        (SSL | {"KAFKA_SSL_CERTIFICATE": CA}, ["KAFKA_SSL_KEY: not set"]),
        (SSL | {"KAFKA_SSL_CA": "/no/such"}, ["KAFKA_SSL_CA: '/no/such': No such file"]),
        ({"GAMIFICATION_REDIS_USERNAME": "app"}, ["GAMIFICATION_REDIS_PASSWORD: not set"]),
        ({"GAMIFICATION_REDIS_CA": CA}, ["GAMIFICATION_REDIS_CA: set, but not used"]),
        (
            {"GAMIFICATION_SCHEMA_REGISTRY_USERNAME": "app"},
            ["GAMIFICATION_SCHEMA_REGISTRY_PASSWORD: not set"],
        ),
    ],
)
def test_what_does_not_go_together_is_told(given: dict[str, str], told: list[str]) -> None:
    with pytest.raises(SettingsError) as raised:
        load(given)

    problems = raised.value.problems
    assert [line[: len(start)] for line, start in zip(problems, told, strict=True)] == told
    assert "hunter22" not in str(raised.value)


def test_what_goes_together_is_taken() -> None:
    assert load(SASL | LOGIN | {"KAFKA_SSL_CA": CA}).kafka_sasl_username == "app"
    assert load({"GAMIFICATION_REDIS_TLS": "true", "GAMIFICATION_REDIS_CA": CA}).redis_tls
