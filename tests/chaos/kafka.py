"""Faults of the broker: stopped, killed, frozen."""

import time

from tests.chaos.server import Away, Frozen


class KafkaStopped(Away, on="kafka"):
    name = "kafka-stopped"
    what = "the broker stopped and started"
    lasts_s = (0.0, 6.0)

    def inject(self) -> object:
        self.server.stop()
        return None


class KafkaKilled(Away, on="kafka"):
    name = "kafka-killed"
    what = "kill -9 of the broker under load, once or twice"
    lasts_s = (0.0, 4.0)

    def inject(self) -> object:
        deaths = self.random.randint(1, 2)
        for death in range(deaths):
            self.server.kill()
            if death < deaths - 1:
                self.server.start()
                time.sleep(self.random.uniform(0.5, 3.0))  # the load goes on: something to lose
        return deaths


class KafkaFrozen(Frozen, on="kafka"):
    name = "kafka-frozen"
    what = "the broker stopped answering, past sessions and transactions"
    lasts_s = (2.0, 16.0)
