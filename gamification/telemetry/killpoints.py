"""Named places where a fault test lets a process die, or freeze, to the instruction.

Nothing happens unless `arm` was called at the start of the process; then the n-th time that the
named place is reached the process sends itself SIGKILL, as a crash would end it, or SIGSTOP, as
a machine that sleeps would hold it. Unarmed, a place costs less than 100 ns.
"""

import os
import signal
from typing import Final

ACTIONS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
PARTS: Final = (2, 3)

_armed: dict[str, tuple[int, signal.Signals]] = {}


def arm(spec: str) -> None:
    """`name:n` or `name:n:stop`: the n-th time that `name` is reached, die or freeze.

    Empty: never. Raises ValueError.
    """
    _armed.clear()
    if not spec:
        return
    name, *how = spec.split(":")
    count = how[0] if how else ""
    action = how[1] if len(how) > 1 else "kill"
    counts = count.isascii() and count.isdecimal() and int(count) >= 1
    if not name or len(how) + 1 not in PARTS or not counts or action not in ACTIONS:
        raise ValueError(f"kill point {spec!r}: write name:n or name:n:stop with n from 1 on")
    _armed[name] = (int(count), ACTIONS[action])


def reached(name: str) -> None:
    """Die or freeze here, if this is the place and the time."""
    if not _armed or name not in _armed:
        return
    left, action = _armed[name]
    _armed[name] = (left - 1, action)
    if left == 1:
        os.kill(os.getpid(), action)
