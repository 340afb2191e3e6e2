"""Imports, cleanups and their commands on a real database."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastavro import parse_schema, schemaless_reader
from typer.testing import CliRunner

from cli import cleanup_translations as cleanup_command
from cli import import_translations as import_command
from cli import migrate as migrate_command
from gamification.adapters.kafka import schema_files
from gamification.adapters.postgres import translations
from gamification.adapters.postgres.session import EngineSession
from gamification.adapters.postgres.translations import Completeness
from gamification.application import import_translations as use_case
from gamification.application.cleanup_translations import prunable, prune
from gamification.application.import_translations import Imported, import_translations
from gamification.domain.errors import InvalidArgument
from gamification.wire.translation_file import Text

pytestmark = pytest.mark.servers

WELCOME = "badge.welcome"
EN = Text(WELCOME, "en", "1.0.0", "Welcome")
DE = Text(WELCOME, "de", "1.0.0", "Willkommen")

AGE = "UPDATE translations SET created_at = now() - %s * interval '1 day' WHERE version = %s"


@pytest.fixture
def session(database_dsn: str) -> Iterator[EngineSession]:
    with closing(EngineSession(database_dsn, "tests")) as session:
        yield session


def now_ms() -> int:
    return int(time.time() * 1000)


def put(session: EngineSession, *texts: Text, dry_run: bool = False) -> Imported:
    return import_translations(session, texts, now_ms, dry_run=dry_run)


def refusal(session: EngineSession, *texts: Text) -> str:
    with pytest.raises(InvalidArgument) as caught:
        put(session, *texts)
    return str(caught.value)


def stored(dsn: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(dsn) as database:
        return database.execute(
            "SELECT locale, version, value FROM translations ORDER BY 1, 2"
        ).fetchall()


def announced(dsn: str) -> list[tuple[str, str, str]]:
    """Record key, type and locale of what Kafka is to be told, in order."""
    schema = parse_schema(json.loads(schema_files.current()["cache.invalidate"]))
    with psycopg.connect(dsn) as database:
        rows = database.execute("SELECT key, value FROM outbox WHERE topic = 7 ORDER BY id")
        told = [
            (bytes(key).decode(), _record(schemaless_reader(BytesIO(value), schema, None)))
            for key, value in rows
        ]
    assert all(key == said["key"] for key, said in told)
    ids = [said["event_id"] for _, said in told]
    assert len(set(ids)) == len(ids)
    return [(key, said["type"], said["locale"]) for key, said in told]


def _record(read: object) -> dict[str, Any]:
    assert isinstance(read, dict)
    return read


def test_what_is_new_is_inserted_and_announced_and_what_is_there_is_passed_over(
    session: EngineSession, database_dsn: str
) -> None:
    first = put(session, DE, EN)
    second = put(session, DE, EN)

    assert (len(first.new), first.there) == (2, 0)
    assert (len(second.new), second.there) == (0, 2)
    assert stored(database_dsn) == [("de", "1.0.0", "Willkommen"), ("en", "1.0.0", "Welcome")]
    assert announced(database_dsn) == [
        ("translations:badge.welcome:de", "translation", "de"),
        ("translations:badge.welcome:en", "translation", "en"),
    ]


def test_only_a_text_that_people_see_is_announced(
    session: EngineSession, database_dsn: str
) -> None:
    put(session, EN, EN._replace(version="2.0.0", value="Hello"))
    before = len(announced(database_dsn))

    done = put(session, EN._replace(version="1.5.0", value="Hi"))
    same = put(session, EN._replace(version="3.0.0", value="Hello"))

    assert (len(done.new), done.changed) == (1, [])
    assert (len(same.new), same.changed) == (1, [])
    assert len(announced(database_dsn)) == before


def test_another_text_under_the_same_version_is_refused_and_nothing_is_imported(
    session: EngineSession, database_dsn: str
) -> None:
    put(session, EN)

    said = refusal(session, EN._replace(value="Hello"), DE)

    assert said == (
        "badge.welcome in en: version 1.0.0 has another text already; "
        "give the new one a greater version"
    )
    assert stored(database_dsn) == [("en", "1.0.0", "Welcome")]


def test_two_texts_for_one_version_in_one_import_are_refused(
    session: EngineSession, database_dsn: str
) -> None:
    assert "another text already" in refusal(session, EN, EN._replace(value="Hello"))
    assert stored(database_dsn) == []


def test_where_that_is_asked_for_the_text_that_is_there_is_kept(
    session: EngineSession, database_dsn: str
) -> None:
    put(session, EN)
    other = EN._replace(value="Hello")

    done = import_translations(session, [other, DE], now_ms, keep_other=True)

    assert (done.kept, done.new) == ([other], [DE])
    assert ("en", "1.0.0", "Welcome") in stored(database_dsn)


def test_placeholders_that_differ_from_the_english_text_are_refused_by_name(
    session: EngineSession, database_dsn: str
) -> None:
    english = Text("badge.days", "en", "1.0.0", "{count} days")

    said = refusal(session, Text("badge.days", "de", "1.0.0", "{n} Tage"), english)

    assert said == ("badge.days in de: placeholders must be those of the English text: {count}")
    assert stored(database_dsn) == []


def test_all_refusals_are_told_at_once(session: EngineSession) -> None:
    english = [Text(f"badge.n{n}", "en", "1.0.0", "{count}") for n in range(3)]
    german = [Text(f"badge.n{n}", "de", "1.0.0", "none") for n in range(3)]

    assert refusal(session, *english, *german).count("\n") == 2


def test_an_english_text_with_other_placeholders_hides_translations_and_says_so(
    session: EngineSession, database_dsn: str
) -> None:
    put(session, EN, DE)
    before = len(announced(database_dsn))
    english = EN._replace(version="2.0.0", value="Welcome, {name}")

    done = put(session, english)

    assert done.hidden == [(WELCOME, "de")]
    assert [key for key, _, _ in announced(database_dsn)[before:]] == [
        "translations:badge.welcome:de",
        "translations:badge.welcome:en",
    ]
    assert translations.completeness(session)[1] == Completeness("de", 0, 1)
    german = DE._replace(version="2.0.0", value="Willkommen, {name}")
    assert put(session, german).hidden == []
    assert translations.completeness(session)[1] == Completeness("de", 1, 1)
    assert len(put(session, EN, DE, english, german).new) == 0, "old files still fit"


def test_a_dry_run_says_the_same_and_leaves_no_trace(
    session: EngineSession, database_dsn: str
) -> None:
    tried = put(session, DE, EN, dry_run=True)

    assert stored(database_dsn) == []
    assert announced(database_dsn) == []
    assert put(session, DE, EN) == tried


def test_many_texts_go_in_several_transactions_with_each_key_whole(
    session: EngineSession, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_case, "TEXTS_EACH", 3)
    many = [
        Text(f"badge.n{n}", locale, "1.0.0", "{count}") for n in range(5) for locale in ("de", "en")
    ]

    put(session, *many)

    with psycopg.connect(database_dsn) as database:
        parts = database.execute(
            "SELECT xmin::text, count(*), array_agg(DISTINCT locale) FROM translations GROUP BY 1"
        ).fetchall()
    assert sorted(size for _, size, _ in parts) == [2, 4, 4]
    assert all(locales == ["de", "en"] for _, _, locales in parts)


def test_who_imports_the_same_at_the_same_time_agrees(database_dsn: str) -> None:
    """As deployments do that migrate from many places at once."""
    many = [Text(f"badge.n{n}", "en", "1.0.0", "Text") for n in range(200)]

    def one_of_them(_number: int) -> int:
        with closing(EngineSession(database_dsn, "tests")) as session:
            return len(put(session, *many).new)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(one_of_them, range(4))) == 200
    assert len(announced(database_dsn)) == 200


def test_a_locale_by_configuration_can_be_imported(
    session: EngineSession, database_dsn: str
) -> None:
    put(session, EN, Text(WELCOME, "pt-BR", "1.0.0", "Boas-vindas"))

    assert ("pt-BR", "1.0.0", "Boas-vindas") in stored(database_dsn)


def age(dsn: str, version: str, days: int) -> None:
    with psycopg.connect(dsn) as database:
        database.execute(AGE, (days, version))


def test_cleanup_keeps_the_newest_versions_and_whatever_is_young(
    session: EngineSession, database_dsn: str
) -> None:
    versions = ("1.2.0", "1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0")
    put(session, *(EN._replace(version=version, value=version) for version in versions))
    put(session, DE)
    for version in versions:
        age(database_dsn, version, 91)
    age(database_dsn, "1.9.0", 89)
    age(database_dsn, "1.0.0", 400)

    assert prunable(session, 3) == [(WELCOME, "en", "1.2.0")]
    assert list(prune(session, 3)) == [1]
    assert list(prune(session, 3)) == []
    assert list(prune(session, 1)) == [2]

    assert [row[:2] for row in stored(database_dsn)] == [
        ("de", "1.0.0"),
        ("en", "1.9.0"),
        ("en", "2.0.0"),
    ]


def test_cleanup_goes_in_steps(
    session: EngineSession, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(session, *(EN._replace(version=f"1.{n}.0", value=str(n)) for n in range(8)))
    for n in range(8):
        age(database_dsn, f"1.{n}.0", 91)
    monkeypatch.setattr("gamification.application.cleanup_translations.DELETED_EACH", 2)

    assert list(prune(session, 3)) == [2, 2, 1]
    assert [version for _, version, _ in stored(database_dsn)] == ["1.5.0", "1.6.0", "1.7.0"]


def file_with(folder: Path, name: str, texts: Sequence[Text]) -> str:
    lines = [f'  {text.key}: "{text.value}"' for text in texts]
    head = f"translations: 1\nlocale: {texts[0].locale}\nversion: {texts[0].version}\ntexts:\n"
    path = folder / name
    path.write_text(head + "\n".join(lines) + "\n")
    return str(path)


def test_the_import_command_tries_first_and_then_does_it(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", database_dsn)
    files = [file_with(tmp_path, "en.yaml", [EN]), file_with(tmp_path, "de.yaml", [DE])]
    run = CliRunner()

    tried = run.invoke(import_command.app, [*files, "--json"])
    assert tried.exit_code == 0, tried.output
    assert [row["new"] for row in json.loads(tried.stdout)] == [1, 1]
    assert "add --yes" in tried.stderr
    assert stored(database_dsn) == []

    done = run.invoke(import_command.app, [*files, "--yes"])
    assert done.exit_code == 0, done.output
    assert len(stored(database_dsn)) == 2
    assert "de: 1 of 1 keys" in done.stderr
    assert "fr: 0 of 1 keys" in done.stderr

    again = run.invoke(import_command.app, [*files, "--yes", "--json"])
    assert [row["there_before"] for row in json.loads(again.stdout)] == [1, 1]


def test_the_import_command_names_what_is_wrong(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", database_dsn)
    run = CliRunner()
    wrong = file_with(tmp_path, "tlh.yaml", [EN._replace(locale="tlh")])
    bytes_ = tmp_path / "bytes.yaml"
    bytes_.write_bytes(b"\xff")
    fine = file_with(tmp_path, "en.yaml", [EN])
    other = file_with(tmp_path, "other.yaml", [EN._replace(value="Hello")])

    broken = run.invoke(import_command.app, [fine, wrong, str(bytes_), "--yes"])
    assert broken.exit_code == 1
    assert "locale: must be one of ar, de, en" in broken.stderr
    assert "not UTF-8" in broken.stderr
    assert stored(database_dsn) == []

    refused = run.invoke(import_command.app, [fine, other, "--yes"])
    assert refused.exit_code == 1
    assert "version 1.0.0 has another text already" in refused.stderr
    assert stored(database_dsn) == []

    assert run.invoke(import_command.app, [str(tmp_path / "none.yaml")]).exit_code == 2
    assert run.invoke(import_command.app, []).exit_code == 2


def test_the_cleanup_command_lists_first_and_then_deletes(
    session: EngineSession, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", database_dsn)
    put(session, EN, EN._replace(version="2.0.0", value="Hello"))
    age(database_dsn, "1.0.0", 91)
    run = CliRunner()

    kept = run.invoke(cleanup_command.app, [])
    assert (kept.exit_code, kept.stdout) == (0, "nothing to delete\n")
    listed = run.invoke(cleanup_command.app, ["--keep", "1", "--json"])
    assert json.loads(listed.stdout) == [{"key": WELCOME, "locale": "en", "version": "1.0.0"}]
    assert len(stored(database_dsn)) == 2
    done = run.invoke(cleanup_command.app, ["--keep", "1", "--yes"])
    assert done.exit_code == 0, done.output
    assert stored(database_dsn) == [("en", "2.0.0", "Hello")]
    assert run.invoke(cleanup_command.app, ["--keep", "0"]).exit_code == 2


@pytest.mark.parametrize("command", [import_command, cleanup_command])
def test_commands_say_when_the_database_is_away(
    command: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", "postgresql://127.0.0.1:1/none")
    arguments = [file_with(tmp_path, "en.yaml", [EN])] if command is import_command else []

    ended = CliRunner().invoke(command.app, arguments)  # type: ignore[attr-defined]

    assert ended.exit_code == 3
    assert "unavailable" in ended.stderr


def test_migrate_imports_the_shipped_names_and_keeps_an_operator_s(
    session: EngineSession, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAMIFICATION_POSTGRES_DSN", database_dsn)
    put(session, EN._replace(value="Hi there"))
    run = CliRunner()

    first = run.invoke(migrate_command.app, [])
    assert first.exit_code == 0, first.output
    assert "kept: badge.welcome in en: another text has version 1.0.0" in first.stdout
    assert "activated: the default rulebook" in first.stdout
    assert ("en", "1.0.0", "Hi there") in stored(database_dsn)
    assert {(one.served, one.of) for one in translations.completeness(session)} == {(32, 32)}

    second = run.invoke(migrate_command.app, [])
    assert second.exit_code == 0, second.output
    assert "imported" not in second.stdout
