"""The runbooks' commands, run as they stand on the page, in the situation that it is about."""

import os
import re
import subprocess
import sys
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
import pytest
import redis

from deploy.devstack.postgres import find_programs
from deploy.devstack.settings import Source
from deploy.launch import ROOT
from deploy.neighbours.process import NeighboursProcess
from gamification.domain.activity import Kind
from gamification.domain.ids import uuid_text
from tests.faults.deliveries import activity_of, firsts, spoilt
from tests.faults.ground import NEW_IDENTITY, PARTITIONS
from tests.faults.harness import Chain
from tests.waiting import eventually

pytestmark = pytest.mark.faults

FOLDER: Final = ROOT / "docs" / "runbooks"
PAGES: Final = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
BLOCK: Final = re.compile(r"^```(\S+)( exit=(\d))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS: Final = ["Look", "Decide", "Do", "Verify", "Afterwards"]
WITHIN_S: Final = 120
VERIFIED_WITHIN_S: Final = 60
EXIT_HALTED: Final = 4


@dataclass(frozen=True, slots=True)
class Block:
    """Lines for a shell, and the exit code that the page names."""

    text: str
    exit_code: int


def sections(page: str) -> dict[str, list[Block]]:
    """Fenced blocks by the heading above them."""
    parts = re.split(r"^## (.+)$", (FOLDER / f"{page}.md").read_text(), flags=re.MULTILINE)
    return {
        name: [Block(text, int(code or 0)) for _, _, code, text in BLOCK.findall(body)]
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


@dataclass
class Runbook:
    """One page in one situation; each of its sections has to be run."""

    page: str
    chain: Chain
    logs: Path
    variables: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def run(self, section: str) -> str:
        """What the blocks below this heading printed. Each must end as the page says."""
        said = ""
        for block in sections(self.page)[section]:
            ended = self._shell(block)
            assert ended.returncode == block.exit_code, (
                f"{block.text}\n{ended.stdout}{ended.stderr}"
            )
            said += ended.stdout + ended.stderr
        self.done.append(section)
        return said

    def verify(self) -> None:
        """Its commands are content, now or soon."""
        blocks = sections(self.page)["Verify"]
        assert blocks
        for block in blocks:
            eventually(
                lambda block=block: self._shell(block).returncode == 0,  # type: ignore[misc]
                within_s=VERIFIED_WITHIN_S,
                every_s=0.5,
            )
        self.done.append("Verify")

    def unhappy(self) -> None:
        """Its check says no: it could tell the difference."""
        assert any(self._shell(block).returncode for block in sections(self.page)["Verify"])

    def close(self) -> None:
        missed = {name for name, blocks in sections(self.page).items() if blocks} - {*self.done}
        assert not missed, f"{self.page}: nobody ran {missed}"

    def _shell(self, block: Block) -> subprocess.CompletedProcess[str]:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{find_programs(Source.AUTO)}"
        return subprocess.run(
            ("/bin/sh", "-euc", block.text),
            cwd=ROOT,
            env={
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "LOGS": str(self.logs),
                "PGOPTIONS": "-c lock_timeout=5s -c statement_timeout=60s",
                **self.chain.addresses.as_environment(),
                **self.chain.settings,
                "GAMIFICATION_KAFKA_PARTITIONS": PARTITIONS,
                **{f"{w.name.upper()}_URL": w.url for w in self.chain.workers},
                **self.variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )


def runbook(page: str, chain: Chain, logs: Path, **variables: str) -> Runbook:
    return Runbook(page, chain, logs, variables)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_the_same_parts_and_is_on_the_list(page: str) -> None:
    text = (FOLDER / f"{page}.md").read_text()

    assert list(sections(page)) == SECTIONS
    assert text.partition("\n\n")[2].startswith("**You see** ")
    assert f"]({page}.md)" in (FOLDER / "README.md").read_text()
    assert {language for language, *_ in BLOCK.findall(text)} == {"sh"}
    assert f'"{page}",' in Path(__file__).read_text(), "nobody runs it"


def test_what_the_pages_name_exists() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.md"))
    folders = ("gamification", "consumers", "cli")
    code = "".join(p.read_text() for each in folders for p in (ROOT / each).rglob("*.py"))

    metrics = set(re.findall(r"\bgamification_[a-z_]+[a-z]\b", text))
    for name in metrics - {"gamification_changes", "gamification_consumer_lag"}:
        assert f'"{name}"' in code, name
    for name in re.findall(r"\bGAMIFICATION_[A-Z_]+[A-Z]\b", text):
        assert f'"{name}"' in code, name
    events = re.findall(r"grep -h?E? ?'\"\(?([a-z_|]+)\)?\"'", text)
    assert len(events) == text.count("grep -h") - text.count('"level":"critical"')
    for event in "|".join(events).split("|"):
        assert f'"{event}"' in code, event


@pytest.mark.slow
def test_badge_latency(chain: Chain, tmp_path: Path) -> None:
    """More comes in than one worker counts: it stood still, and gets help."""
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=1_500, per_s=1_500)
    page = runbook("badge-latency", chain, tmp_path)

    assert "gamification_consumer_lag_seconds{" in page.run("Look")
    page.run("Do")
    chain.wait_all_counted()
    more = tmp_path / "award-more.log"
    eventually(lambda: '"assigned"' in more.read_text(), within_s=VERIFIED_WITHIN_S)
    page.verify()
    page.run("Afterwards")
    pid = int((tmp_path / "award-more.pid").read_text())
    eventually(lambda: not Path(f"/proc/{pid}").exists() or zombie(pid), within_s=30)
    assert award.is_running()
    page.close()
    chain.settle()


def zombie(pid: int) -> bool:
    """Ended, and nobody has asked for its exit code yet."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_event_failures(chain: Chain, tmp_path: Path) -> None:
    """A producer sends what nobody can read."""
    chain.start("award", "relay", "project")
    chain.publish(spoilt(firsts(chain.stream(events=60)))[:5])
    chain.drain()
    page = runbook("event-failures", chain, tmp_path)

    page.unhappy()
    assert "malformed" in page.run("Look")
    chain.letter_statuses["malformed"] = "discarded"
    page.run("Do")
    page.verify()
    page.close()


def test_dead_letters_growing(chain: Chain, tmp_path: Path) -> None:
    """Events of a merchant who does not exist, until somebody makes it."""
    chain.settings["GAMIFICATION_CREATE_MERCHANTS"] = "false"
    award = chain.launch("award", {"GAMIFICATION_CREATE_MERCHANTS": "false"})
    chain.start("relay", "project")
    award.wait_ready()
    events = [e for e in firsts(chain.stream(events=200)) if e.topic == Kind.POINTS_EARNED]
    merchant = activity_of(events[0]).merchant_id
    mine = [each for each in events if activity_of(each).merchant_id == merchant][:10]
    chain.publish(mine)
    chain.drain()
    assert chain.dead_letters() == len(mine)
    page = runbook(
        "dead-letters", chain, tmp_path, REASON="unknown_merchant", MERCHANT_ID=uuid_text(merchant)
    )

    page.unhappy()
    assert "unknown_merchant" in page.run("Look")
    page.run("Do")
    page.verify()
    page.close()
    eventually(lambda: chain.counted() == len(mine))


@pytest.mark.slow
def test_redis_crash(chain: Chain, tmp_path: Path) -> None:
    _, _, project = chain.start("award", "relay", "project")
    service = chain.launch("service", {"GAMIFICATION_GRPC_PORT": "0"})
    service.wait_ready()
    server = chain.servers.redis
    server.kill()
    chain.load(events=300)
    chain.wait_failures(project, more=1)
    page = runbook("redis-crash", chain, tmp_path, TOKEN_ID=f"made-up-{uuid.uuid4()}")

    page.unhappy()
    said = page.run("Look")
    assert '"status":"failing"' in said.replace(" ", "")
    assert '"unavailable"' in said
    server.start()
    with closing(redis.Redis.from_url(chain.addresses.redis_url)) as client:
        eventually(lambda: bool(client.flushall()))
    page.run("Do")
    page.verify()
    page.close()
    chain.settle()


def test_postgres_degraded(chain: Chain, tmp_path: Path) -> None:
    """Somebody has locked a table by hand and gone for lunch."""
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=400)
    with psycopg.connect(chain.addresses.postgres_dsn, application_name="eva") as somebody:
        somebody.execute("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE")
        with psycopg.connect(chain.addresses.postgres_dsn, autocommit=True) as watcher:
            eventually(lambda: blocked(watcher), within_s=30)
        page = runbook("postgres-degraded", chain, tmp_path)

        page.unhappy()
        assert "| eva" in page.run("Look")
        assert "| eva" in page.run("Do")
        with pytest.raises(psycopg.OperationalError):
            somebody.execute("SELECT 1")
    chain.wait_all_counted()
    page.verify()
    page.close()
    assert award.is_running()
    chain.settle()


def blocked(watcher: psycopg.Connection[tuple[int]]) -> bool:
    row = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND cardinality(pg_blocking_pids(pid)) > 0"
    ).fetchone()
    return row is not None and row[0] > 0


def test_duplicate_award(chain: Chain, tmp_path: Path) -> None:
    """A shop has sent one fact under two ids; one of them is taken back."""
    chain.start("award", "relay", "project")
    points = [e for e in firsts(chain.stream(events=100)) if e.topic == Kind.POINTS_EARNED]
    once = points[0]
    second = str(uuid.uuid4())
    twice = once._replace(datum={**once.datum, "event_id": second}, activity=None)
    chain.publish([once, twice])
    eventually(lambda: chain.counted() == 2, within_s=60)
    who = activity_of(once)
    page = runbook(
        "duplicate-award",
        chain,
        tmp_path,
        MERCHANT_ID=uuid_text(who.merchant_id),
        CUSTOMER_ID=uuid_text(who.customer_id),
        EVENT_ID=second,
        OPERATOR="eva",
    )

    page.unhappy()
    assert page.run("Look").count(second) >= 1
    page.run("Do")
    page.verify()
    page.close()


@pytest.mark.slow
def test_stuck_relay(chain: Chain, tmp_path: Path) -> None:
    """Postgres was made anew from a dump: the relay halts until a person says where to go on."""
    _, relay, _ = chain.start("award", "relay", "project")
    stream = chain.stream(events=200)
    chain.prepare_customers(stream)
    chain.publish(stream.main())
    chain.drain()
    last = outbox_end(chain)
    chain.excuse(relay)
    relay.stop()
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        database.execute(NEW_IDENTITY)
    chain.publish(chain.stream(events=200, seed=2).main())
    chain.wait_inputs_handled()
    relay.launch()
    assert chain.wait_dead(relay) == EXIT_HALTED
    page = runbook("stuck-relay", chain, tmp_path, LAST_PROMPT=str(last), LAST_REST=str(last))

    page.unhappy()
    said = page.run("Look")
    assert "another database" in said
    assert '"halted"' in said
    page.run("Do")
    relay.start()
    page.verify()
    page.close()
    chain.drain()


def outbox_end(chain: Chain) -> int:
    with psycopg.connect(chain.addresses.postgres_dsn) as database:
        row = database.execute("SELECT max(id) FROM outbox").fetchone()
    assert row is not None
    return int(row[0])


def test_worker_failure(chain: Chain, tmp_path: Path) -> None:
    """The only award worker was killed while events came in."""
    award, *_ = chain.start("award", "relay", "project")
    chain.load(events=600)
    second = chain.launch("award")
    second.wait_ready()
    chain.excuse(second)
    second.kill()
    page = runbook("worker-failure", chain, tmp_path, AWARD_PID=str(award.pid))

    # The doctor also asks those whom only the service needs.
    with closing(NeighboursProcess(tmp_path / "neighbours.log")) as neighbours:
        neighbours.start()
        page.variables |= neighbours.environment
        assert '"status"' in page.run("Look")
    eventually(lambda: "thread 0x" in award.log_text().lower(), within_s=VERIFIED_WITHIN_S)
    page.variables["GAMIFICATION_HTTP_PORT"] = "0"
    page.run("Do")
    chain.wait_all_counted()
    page.verify()
    page.run("Afterwards")
    page.close()
    chain.settle()
