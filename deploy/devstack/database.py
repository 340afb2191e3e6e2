"""A database of its own for whoever uses the Postgres server."""

from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo


def create_database(superuser_dsn: str, name: str, template: str | None = None) -> str:
    """Make it, as a copy of `template` if given; return its DSN."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    _run(superuser_dsn, statement)
    return with_database(superuser_dsn, name)


def with_database(dsn: str, name: str) -> str:
    """The same server, another database; a URL stays a URL."""
    if "://" in dsn:
        return urlsplit(dsn)._replace(path=f"/{name}").geturl()
    return make_conninfo(dsn, dbname=name)


def drop_database(superuser_dsn: str, name: str) -> None:
    """Remove it, also when somebody is still connected."""
    _run(
        superuser_dsn,
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)),
    )


def _run(dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute(statement)
