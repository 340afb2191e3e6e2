"""The schema registry away, while a producer uses a schema that nobody here has seen."""

from typing import Final

from tests.chaos.fault import Fault
from tests.faults.deliveries import activity_of, firsts
from tests.faults.newer_producer import TOPIC, NewerSchemas, newer_schema, register

EVENTS: Final = 120
PER_S: Final = 100


class RegistryAway(Fault):
    name = "registry-away"
    what = "the schema registry away; known schemas go on, a new schema id waits"
    touches = frozenset({"registry"})
    lasts_s = (2.0, 10.0)

    def inject(self) -> object:
        chain = self.world.chain
        field = f"field_{self.random.getrandbits(40):x}"
        schema = newer_schema(field)
        number = register(chain.addresses, schema, f"producer-{field}")
        chain.servers.registry.stop()
        stream = self.world.more(self.random.getrandbits(60), EVENTS)
        new = [each for each in firsts(stream) if each.topic == TOPIC]
        self.world.send(new, PER_S, map(activity_of, new), NewerSchemas(number, schema))
        return f"schema {number}, {len(new)} events"

    def mend(self) -> object:
        self.world.chain.servers.registry.start()
        return None
