"""What the database itself refuses, whoever writes past us, and which text it says is in force."""

import uuid
from collections.abc import Iterator
from itertools import pairwise

import psycopg
import pytest
from psycopg.errors import CheckViolation

from deploy.devstack.database import create_database, drop_database
from deploy.devstack.server import Addresses
from gamification.adapters.postgres.migrate import files
from gamification.domain.translation import flaw_of, is_key, is_version

pytestmark = pytest.mark.servers

INSERT = "INSERT INTO translations (key, locale, value, version) VALUES (%s, %s, %s, %s)"
KEY = "badge.achievement.123"

ASCENDING = [
    # the example of the specification of semantic versions
    *("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"),
    # hyphens, long words, numbers of different lengths, and a plus
    *("1.0.1--", "1.0.1-a", "1.0.1-a.b", "1.0.1-a-", "1.0.1-aa", "1.0.1+x-y", "1.2.0", "1.10.0"),
    *("2.0.0-0", "2.0.0-1", "2.0.0-10", "2.0.0-a", "2.0.0", "10.0.0", "10.0.12345678901234567890"),
]


@pytest.fixture(scope="module")
def connection(servers: Addresses, migrated_template: str) -> Iterator[psycopg.Connection]:
    """A database for all tests here: there are many, and making one takes longer than a test."""
    name = f"test_{uuid.uuid4().hex}"
    dsn = create_database(servers.postgres_dsn, name, template=migrated_template)
    with psycopg.connect(dsn, autocommit=True) as database:
        yield database
    drop_database(servers.postgres_dsn, name)


@pytest.fixture
def database(connection: psycopg.Connection) -> psycopg.Connection:
    connection.execute("TRUNCATE translations")
    return connection


def served(database: psycopg.Connection) -> dict[str, str]:
    return dict(database.execute("SELECT locale, value FROM served_translations").fetchall())


@pytest.mark.parametrize("key", [KEY, "badge.welcome", "a.b", "1.2", "a." + "b" * 198])
def test_words_joined_by_dots_are_taken(database: psycopg.Connection, key: str) -> None:
    database.execute(INSERT, (key, "en", "Text", "1.0.0"))

    assert is_key(key)


@pytest.mark.parametrize(
    "key",
    [
        *("", "badge", ".badge", "badge.", "badge..x", "Badge.x", "badge.first-lesson"),
        *("badge.first_lesson", "badge.x\n", "badge. x", "badge.é", "badge.\u0663"),
        "a." + "b" * 199,
    ],
)
def test_any_other_key_is_refused(database: psycopg.Connection, key: str) -> None:
    with pytest.raises(CheckViolation, match="key: lower-case words joined by dots"):
        database.execute(INSERT, (key, "en", "Text", "1.0.0"))

    assert not is_key(key)


@pytest.mark.parametrize("locale", ["tlh", "", "EN", "pt-BR"])
def test_a_locale_that_is_not_in_the_table_is_refused(
    database: psycopg.Connection, locale: str
) -> None:
    with pytest.raises(CheckViolation, match="not supported"):
        database.execute(INSERT, (KEY, locale, "Text", "1.0.0"))


@pytest.mark.parametrize("version", ASCENDING)
def test_semantic_versions_are_taken(database: psycopg.Connection, version: str) -> None:
    database.execute(INSERT, (KEY, "en", "Text", version))

    assert is_version(version)


@pytest.mark.parametrize(
    "version",
    [
        *("", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b"),
        *("1.0.0+", "1.0.0-ä", "1.0.0\n", "\u0661.0.0", "1.0." + "1" * 61),
    ],
)
def test_other_versions_are_refused(database: psycopg.Connection, version: str) -> None:
    with pytest.raises(CheckViolation, match="must be semantic"):
        database.execute(INSERT, (KEY, "en", "Text", version))

    assert not is_version(version)


@pytest.mark.parametrize(
    "value",
    ["x", "x" * 500, "ع" * 500, "かな", "a\u00a0b", "{count} of {total_2}", "می\u200cروم"],
)
def test_texts_are_taken(database: psycopg.Connection, value: str) -> None:
    database.execute(INSERT, (KEY, "en", value, "1.0.0"))

    assert flaw_of(value) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        *(("", "visible"), ("   ", "visible"), ("\u00a0\u3000\u200b", "visible")),
        ("x" * 501, "1 to 500 characters"),
        *((f"a{chr(code)}b", "control") for code in range(1, 0x20)),
        *((f"a{chr(code)}b", "control") for code in range(0x7F, 0xA0)),
        *(("{Count}", "braces"), ("{ count }", "braces"), ("a { b", "braces"), ("}", "braces")),
    ],
)
def test_other_texts_are_refused(database: psycopg.Connection, value: str, told: str) -> None:
    with pytest.raises(CheckViolation, match=told):
        database.execute(INSERT, (KEY, "en", value, "1.0.0"))

    assert told.removeprefix("1 to ") in (flaw_of(value) or "")


def test_a_nul_cannot_even_be_sent(database: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DataError):
        database.execute(INSERT, (KEY, "en", "a\x00b", "1.0.0"))

    assert flaw_of("a\x00b")


def test_an_update_is_held_to_the_same_rules(database: psycopg.Connection) -> None:
    database.execute(INSERT, (KEY, "en", "Text", "1.0.0"))

    with pytest.raises(CheckViolation):
        database.execute("UPDATE translations SET value = ''")


def test_versions_are_ordered_as_versions_and_not_as_text(database: psycopg.Connection) -> None:
    for version in reversed(ASCENDING):
        database.execute(INSERT, (KEY, "en", f"of {version}", version))
    for lower, higher in pairwise(ASCENDING):
        row = database.execute(
            'SELECT semver_order(%s) COLLATE "C" < semver_order(%s) COLLATE "C"', (lower, higher)
        ).fetchone()
        assert row == (True,), (lower, higher)

    assert served(database) == {"en": f"of {ASCENDING[-1]}"}


def test_build_metadata_does_not_count(database: psycopg.Connection) -> None:
    row = database.execute(
        "SELECT semver_order('1.0.0-a+1-2') = semver_order('1.0.0-a')"
    ).fetchone()

    assert row == (True,)


def test_placeholders_are_held_against_the_english_text_of_the_greatest_version(
    database: psycopg.Connection,
) -> None:
    database.execute(INSERT, (KEY, "en", "{new}", "1.10.0"))
    database.execute(INSERT, (KEY, "en", "{old}", "1.9.0"))  # later, and greater as text

    with pytest.raises(CheckViolation, match=r"English text, version 1\.10\.0: \{new\}"):
        database.execute(INSERT, (KEY, "de", "{old}", "1.9.0"))
    with pytest.raises(CheckViolation, match="placeholders"):
        database.execute(INSERT, (KEY, "de", "Text", "1.10.0"))
    database.execute(INSERT, (KEY, "de", "{new} und {new}", "1.0.0"))


def test_without_an_english_text_there_is_nothing_to_differ_from(
    database: psycopg.Connection,
) -> None:
    database.execute(INSERT, (KEY, "de", "{count}", "1.0.0"))

    assert served(database) == {"de": "{count}"}


def test_an_english_text_with_other_placeholders_hides_translations_of_the_old_one(
    database: psycopg.Connection,
) -> None:
    database.execute(INSERT, (KEY, "en", "{old}", "1.0.0"))
    database.execute(INSERT, (KEY, "de", "alt {old}", "1.0.0"))
    database.execute(INSERT, (KEY, "en", "{new}", "2.0.0"))
    assert served(database) == {"en": "{new}"}

    database.execute(INSERT, (KEY, "de", "neu {new}", "2.0.0"))
    assert served(database) == {"en": "{new}", "de": "neu {new}"}


def test_a_key_s_text_is_found_by_the_index(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO translations (key, locale, value, version)"
        " SELECT 'badge.n' || n, locale, 'Text', '1.0.0' FROM generate_series(1, 2000) n, locales"
    )
    database.execute("ANALYZE translations")

    plan = database.execute(
        "EXPLAIN SELECT value FROM served_translations"
        " WHERE key = ANY(%s::text[]) AND locale = ANY(%s::text[])",
        (["badge.n7"], ["de", "en"]),
    ).fetchall()

    assert "Seq Scan" not in str(plan)


def test_a_database_from_before_gets_keys_for_its_tiers(servers: Addresses) -> None:
    """And what was stored under the older, laxer rules stays."""
    name = f"test_{uuid.uuid4().hex}"
    dsn = create_database(servers.postgres_dsn, name)
    older, newer = (
        [text for file, text in files().items() if (file < "0003") is before]
        for before in (True, False)
    )
    with psycopg.connect(dsn) as database:
        for text in older:
            database.execute(text.encode())
        database.execute(
            "INSERT INTO badge_definitions"
            " (merchant_id, badge, name_key, icon, tier, rulebook_version) VALUES"
            " (gen_random_uuid(), 'collector.extra-gold', 'badge.collector', 'x', 'extra-gold', 1),"
            " (gen_random_uuid(), 'welcome', 'badge.welcome', 'x', NULL, 1)"
        )
        database.execute(INSERT, ("badge.first_lesson", "en", "First {Lesson", "1.0.0--..a"))
        for text in newer:
            database.execute(text.encode())
        keys = database.execute("SELECT badge, name_key FROM badge_definitions").fetchall()
        assert dict(keys) == {
            "collector.extra-gold": "badge.collector.extra.gold",
            "welcome": "badge.welcome",
        }
        assert served(database) == {"en": "First {Lesson"}
    drop_database(servers.postgres_dsn, name)
