"""From a commit in Postgres to the score in Redis, as somebody sees it who asks again and again.

Postgres itself says when it committed (`track_commit_timestamp`). Asking takes time too, so what
is seen is up to two milliseconds late: the figures are too large rather than too small.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import psycopg
import redis

from bench.measurement import Bench, Failed, Figures, Measurement, Row
from bench.points import MERCHANT
from bench.quantiles import summary
from bench.run import fresh_run
from bench.sender import Load, Sender, lead_s
from gamification.adapters.redis import keys
from gamification.domain.board import Board

NAME: Final = "projection"
PER_S: Final = 1_000
SETTLE_S: Final = 3
"""At the beginning, not counted."""
SAMPLED: Final = 20
"""Of so many customers, one is watched."""
ASK_EVERY_S: Final = 0.001
LOST_AFTER_S: Final = 90.0

COMMITTED: Final = """
    SELECT customer::text, extract(epoch FROM min(pg_xact_commit_timestamp(c.xmin)))::float8
      FROM changes AS c, unnest(customer_ids) AS customer
     WHERE customer = ANY(%s::uuid[])
     GROUP BY 1
"""


def measure(bench: Bench) -> Figures:
    ground, scale = bench.ground, bench.scale
    ground.empty_topic()
    with fresh_run(ground, NAME) as run:
        if run.one("SHOW track_commit_timestamp") != ("on",):
            return {"skipped": "Postgres does not note when it commits: track_commit_timestamp"}
        run.application.start()
        events = PER_S * (SETTLE_S + scale.seconds)
        load = Load(
            kafka=ground.kafka,
            registry=ground.stack.addresses.registry_url,
            begin=time.time() + lead_s(events),
            per_s=PER_S,
            events=events,
            first_fresh=0,
        )
        fresh = load.fresh(from_s=SETTLE_S)
        watched = dict(list(fresh.items())[::SAMPLED])
        sender = Sender(load)
        meter = run.meter(sender=sender.pid)
        with closing(redis.Redis.from_url(run.addresses.redis_url)) as client:
            seen = _watch(client, watched, load.due(load.events) + LOST_AFTER_S)
        usage = meter.read()
        said = sender.finish()
        took_s = _since_commit(run.database, seen)
    return {"per_s": PER_S, **summary(took_s), "sender": said, "usage": usage}


def _watch(client: redis.Redis, due: Mapping[str, float], until: float) -> dict[str, float]:
    """When each customer was first seen on the board of all times."""
    board = keys.leaderboard(Board(MERCHANT))
    coming = sorted(due.items(), key=lambda each: each[1], reverse=True)
    asked: list[str] = []
    seen: dict[str, float] = {}
    while (coming or asked) and time.time() < until:
        while coming and coming[-1][1] <= time.time():
            asked.append(coming.pop()[0])
        if asked:
            scores = client.zmscore(board, asked)
            now = time.time()
            there = {name for name, score in zip(asked, scores, strict=True) if score is not None}
            seen.update(dict.fromkeys(there, now))
            asked = [name for name in asked if name not in there]
        time.sleep(ASK_EVERY_S)
    if coming or asked:
        raise Failed(f"{len(coming) + len(asked)} customers never came onto the leaderboard")
    return seen


def _since_commit(database: psycopg.Connection[Any], seen: Mapping[str, float]) -> list[float]:
    committed = dict(database.execute(COMMITTED, (list(seen),)).fetchall())
    return [at - committed[customer] for customer, at in seen.items()]


def rows(found: Mapping[str, Any]) -> list[Row]:
    what = "commit -> leaderboard, at 1,000/s"
    if "skipped" in found:
        return [Row(what, f"not measured: {found['skipped']}")]
    value = f"p50 {found['p50_ms']} p99 {found['p99_ms']} max {found['max_ms']} ms"
    return [Row(what, value, target="p99 < 50 ms")]


MEASUREMENT: Final = Measurement(
    name=NAME, about="from a commit to the score in Redis", measure=measure, rows=rows
)
