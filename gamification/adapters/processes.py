"""What one of our own processes says of itself over HTTP."""

import json
from http.client import HTTPException
from typing import Final, NamedTuple
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from gamification.domain.errors import Unavailable

BYTES_MAX: Final = 64 * 1024


class ProcessFacts(NamedTuple):
    """`failing`: each check of its own that fails, and what is wrong."""

    failing: dict[str, str]


def ready(url: str, within_s: float) -> ProcessFacts:
    """Its /ready. `url` is http://host:port. Raises Unavailable when nothing of ours answers."""
    opener = build_opener(ProxyHandler({}))  # inside one network, as everybody else
    try:
        try:
            with opener.open(f"{url.rstrip('/')}/ready", timeout=within_s) as answer:
                told = answer.read(BYTES_MAX)
        except HTTPError as error:  # 503 has the same body
            with error:
                told = error.read(BYTES_MAX)
        said = json.loads(told)
        checks = dict(said["checks"])
        status = str(said["status"])
    except (OSError, HTTPException) as error:
        raise Unavailable(f"{url}: {type(error).__name__}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"{url}: answers, but is none of our processes") from error
    failing = {str(name): str(each) for name, each in checks.items() if each != "ok"}
    if status != "ok" and not failing:
        failing = {"status": status}
    return ProcessFacts(failing)
