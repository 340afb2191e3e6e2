"""Faults of Postgres: restarted, killed, shut, cut off, frozen, full, and errors of its own."""

import time
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.chaos.server import Away, Frozen, OfServer
from tests.faults.ground import cut_connections

APPEND_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('gamification_append'), 0)"
DOORS: Final = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
EXPEL: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"

TROUBLE: Final = """
    CREATE TABLE trouble (share float8 NOT NULL);
    INSERT INTO trouble VALUES (0);
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < (SELECT share FROM public.trouble) THEN
            RAISE EXCEPTION 'injected' USING ERRCODE =
                (ARRAY['40001', '40P01', '55P03', '53100', '53200', '57014'])
                    [1 + floor(random() * 6)];
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER trouble_while_counting AFTER INSERT ON processed_events
        FOR EACH STATEMENT EXECUTE FUNCTION trouble();
    CREATE TRIGGER trouble_while_paying AFTER INSERT ON ledger
        FOR EACH STATEMENT EXECUTE FUNCTION trouble();
    CREATE CONSTRAINT TRIGGER trouble_at_the_commit AFTER INSERT ON changes
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trouble();
"""
"""Serialization, deadlock, lock time-out, disk full, out of memory, cancelled; none at first."""


def prepare(dsn: str) -> None:
    """What `ErrorsInjected` needs, before there is any load."""
    with psycopg.connect(dsn) as database:
        database.execute(TROUBLE)


class PostgresRestarted(Away, on="postgres"):
    name = "postgres-restarted"
    what = "Postgres restarted in order, or killed and started"
    lasts_s = (0.0, 3.0)


class ConnectionsCut(OfServer, on="postgres"):
    name = "connections-cut"
    what = "Postgres ends all sessions, again and again, mid-transaction"
    lasts_s = (1.0, 8.0)

    def inject(self) -> object:
        cut = 0
        until_s = time.monotonic() + self.for_s
        while time.monotonic() < until_s:
            cut += cut_connections(self.world.chain.addresses.postgres_dsn)
            time.sleep(self.random.uniform(0.05, 1.0))
        return cut


class PostgresRefuses(OfServer, on="postgres"):
    name = "postgres-refuses"
    what = "Postgres lets nobody in"
    lasts_s = (5.0, 30.0)

    def inject(self) -> object:
        dsn = self.world.chain.addresses.postgres_dsn
        self._name = str(conninfo_to_dict(dsn)["dbname"])
        self._door(is_open=False)
        with psycopg.connect(self._server, autocommit=True) as server:
            server.execute(EXPEL, (self._name,))
        return None

    def mend(self) -> object:
        self._door(is_open=True)
        return None

    @property
    def _server(self) -> str:
        return self.world.chain.servers.addresses.postgres_dsn

    def _door(self, *, is_open: bool) -> None:
        with psycopg.connect(self._server, autocommit=True) as server:
            server.execute(DOORS.format(sql.Identifier(self._name), sql.Literal(is_open)))


class PostgresFrozen(Frozen, on="postgres"):
    name = "postgres-frozen"
    what = "Postgres stopped answering"
    lasts_s = (1.0, 12.0)


class ErrorsInjected(OfServer, on="postgres"):
    name = "errors-injected"
    what = "serialization errors, deadlocks, time-outs, cancelled statements"
    lasts_s = (3.0, 10.0)

    def inject(self) -> object:
        share = self.random.uniform(0.05, 0.4)
        self._set(share)
        return round(share, 2)

    def mend(self) -> object:
        self._set(0)
        return None

    def _set(self, share: float) -> None:
        with psycopg.connect(self.world.chain.addresses.postgres_dsn) as database:
            database.execute("UPDATE trouble SET share = %s", (share,))


class LocksHeld(OfServer, on="postgres"):
    name = "locks-held"
    what = "somebody holds the lock that every transaction needs last"
    lasts_s = (2.0, 9.0)

    def inject(self) -> object:
        with psycopg.connect(self.world.chain.addresses.postgres_dsn) as database:
            database.execute("SET lock_timeout = '20s'")
            database.execute(APPEND_LOCK)
            time.sleep(self.for_s)
        return None


class DiskFull(OfServer, on="postgres"):
    name = "disk-full"
    what = "no file of Postgres can grow: ENOSPC"
    lasts_s = (2.0, 8.0)

    def inject(self) -> object:
        if self.world.site.disk is None:
            self.met = False
            return "no C compiler, or Postgres is not a process of this machine"
        self.world.site.disk.fill()
        return None

    def mend(self) -> object:
        if self.world.site.disk is not None:
            self.world.site.disk.make_room()
            self.world.chain.servers.postgres.start()  # it may have given up
        return None
