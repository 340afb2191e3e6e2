"""A seeded stream of what customers of several merchants do, as upstream services publish it.

    stream = generate(seed=7, events=20_000)
    schemas = WriterSchemas.from_registry(url)
    sent = publish(stream.settings(), kafka, schemas)       # wait until these are counted
    sent += publish(stream.main(), kafka, schemas)
    stream.activities()                                     # what must have been counted, once
    sent.bad                                                # what must be among the dead letters

The same seed gives the same stream. Nothing of it is kept in memory: each call of `settings`,
`main` or `activities` makes it again.
"""

from bench.workload.delivery import Delivery, SentBad
from bench.workload.publish import Sent, publish
from bench.workload.stream import Stream, generate, points_only
from bench.workload.writer import WriterSchemas

__all__ = [
    "Delivery",
    "Sent",
    "SentBad",
    "Stream",
    "WriterSchemas",
    "generate",
    "points_only",
    "publish",
]
