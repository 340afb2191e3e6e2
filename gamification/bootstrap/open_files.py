"""How many connections this process can hold: each is an open file, and files have a limit."""

import resource
from typing import Final

from gamification.telemetry import logs

OWN_FILES: Final = 256
"""For everything that is no caller: Postgres, Redis, Kafka, other services, logs."""

log = logs.get("service")


def room_for(connections_max: int) -> int:
    """So many connections, or fewer where the limit of open files is smaller; at least 1.

    Raises the soft limit as far as the hard one allows: whoever had no file left could not even
    talk to Postgres.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + OWN_FILES
    can_have = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < can_have:
        resource.setrlimit(resource.RLIMIT_NOFILE, (can_have, hard))
    room = max(1, min(connections_max, can_have - OWN_FILES))
    if room < connections_max:
        log.warning("few_open_files", connections_max=room, wanted=connections_max, files=hard)
    return room
