"""Work for the whole engine before anything is measured, as it has in service.

A broker that has just been started compiles for a minute or two: until then its JVM uses half a
core for that, and its code takes several times as long. In service it runs for months.
"""

import time
from typing import Final

from bench.ground import Ground
from bench.run import fresh_run
from bench.sender import Load, Sender, lead_s

PER_S: Final = 1_000
POOL: Final = 10_000


def warm_up(ground: Ground, seconds: int) -> None:
    """A steady load, half of it from customers who are new; all of it awarded and announced."""
    if seconds <= 0:
        return
    print(f"warming up for {seconds} s ...", flush=True)
    ground.empty_topic()
    events = PER_S * seconds
    with fresh_run(ground, "warm_up") as run:
        run.application.start()
        load = Load(
            kafka=ground.kafka,
            registry=run.addresses.registry_url,
            begin=time.time() + lead_s(events),
            per_s=PER_S,
            events=events,
            first_fresh=POOL,
            fresh_every=2,
            pool=POOL,
        )
        Sender(load).finish()
        run.drain(run.application.workers[:1], events)
        run.announced_at()
