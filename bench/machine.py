"""On what it was measured: without that, no figure means anything."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import redis

from bench.usage import cores_in_use
from deploy.devstack.server import Addresses

BUSY_CORES: Final = 0.3
"""More than this in use before we begin: the figures are not to be believed."""


def describe(addresses: Addresses) -> dict[str, Any]:
    """Machine and servers. Before anything of ours works: what is in use then is others'."""
    with psycopg.connect(addresses.postgres_dsn) as database:
        row = database.execute("SHOW server_version").fetchone()
        cache = database.execute("SHOW shared_buffers").fetchone()
    with redis.Redis.from_url(addresses.redis_url) as client:
        said: Any = client.info("server")
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgres": row[0] if row else "",
        "shared_buffers": cache[0] if cache else "",
        "redis": said.get("redis_version", ""),
        "load_average": os.getloadavg()[0],
        "cores_in_use_before": round(cores_in_use(), 2),
    }


def is_busy(machine: dict[str, Any]) -> bool:
    return bool(machine["cores_in_use_before"] > BUSY_CORES)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
