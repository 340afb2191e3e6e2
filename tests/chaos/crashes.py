"""Crashes of C libraries, told apart from ours: no Python code of ours can cause them."""

import re
from typing import Final

from deploy.launch import Worker

SEGMENTATION_FAULT: Final = -11
DUMP: Final = "Fatal Python error: Segmentation fault"
OURS: Final = re.compile(r"^Current thread 0x", re.MULTILINE)
"""Python says so of the thread that crashed, if it is one that runs Python."""
ONLY_KAFKA: Final = frozenset({"award", "relay", "project"})
"""In these librdkafka is the only library with threads of its own."""


def in_librdkafka(kind: str, worker: Worker) -> bool:
    """Whether the process ended in one of librdkafka's own threads (its issue 5280)."""
    return kind in ONLY_KAFKA and is_foreign(worker.exit_code, worker.log_text())


def is_foreign(exit_code: int | None, log: str) -> bool:
    """Whether a process that left `log` crashed in a thread that runs no Python at all."""
    _, dumped, after = log.rpartition(DUMP)
    return exit_code == SEGMENTATION_FAULT and bool(dumped) and OURS.search(after) is None
