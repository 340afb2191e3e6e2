"""Faults of the broker: stopped, killed, frozen."""

import time

from tests.chaos.fault import Fault

KAFKA = frozenset({"kafka"})


class KafkaStopped(Fault):
    name = "kafka-stopped"
    what = "the broker stopped and started"
    touches = KAFKA
    lasts_s = (0.0, 6.0)

    def inject(self) -> object:
        self.world.chain.servers.kafka.stop()
        return None

    def mend(self) -> object:
        self.world.chain.servers.kafka.start()
        return None


class KafkaKilled(Fault):
    name = "kafka-killed"
    what = "kill -9 of the broker under load, once or twice"
    touches = KAFKA
    lasts_s = (0.0, 4.0)

    def inject(self) -> object:
        kafka = self.world.chain.servers.kafka
        deaths = self.random.randint(1, 2)
        for death in range(deaths):
            kafka.kill()
            if death < deaths - 1:
                kafka.start()
                time.sleep(self.random.uniform(0.5, 3.0))  # the load goes on: something to lose
        return deaths

    def mend(self) -> object:
        self.world.chain.servers.kafka.start()
        return None


class KafkaFrozen(Fault):
    name = "kafka-frozen"
    what = "the broker stopped answering, past sessions and transactions"
    touches = KAFKA
    lasts_s = (2.0, 16.0)

    def inject(self) -> object:
        self.world.chain.servers.kafka.pause()
        return None

    def mend(self) -> object:
        self.world.chain.servers.kafka.resume()
        return None
