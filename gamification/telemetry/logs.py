"""One JSON object a line on stdout, or a plain form on a terminal; no secret, nobody's address.

Fields: time, level, event, service, process and what the caller adds: merchant_id, customer_id,
event_type, locale, trace_id. Lines are bounded, an exception is one field, and the standard
library's loggers end up here too.
"""

import logging
import sys
import threading
from collections.abc import Mapping, MutableMapping
from itertools import islice
from typing import Any, BinaryIO, Final, cast
from urllib.parse import unquote, urlsplit

import orjson
import structlog
from pydantic import SecretStr
from structlog.typing import FilteringBoundLogger, Processor

from gamification.domain.ids import uuid_text
from gamification.settings import Settings
from gamification.telemetry.personal import HIDDEN, masked

LINE_BYTES_MAX: Final = 16 * 1024
TEXT_CHARACTERS_MAX: Final = 2000
EXCEPTION_CHARACTERS_MAX: Final = 6000
CHATTERERS: Final = ("uvicorn", "asyncio", "httpx", "httpx2")
"""Libraries whose everyday news is not ours."""
ALWAYS: Final = ("time", "level", "event", "service", "process")
UUID_BYTES: Final = 16
INTEGER_MAX: Final = 2**63 - 1
DEPTH_MAX: Final = 3
ITEMS_MAX: Final = 50

Fields = MutableMapping[str, Any]


def get(name: str) -> FilteringBoundLogger:
    """A logger; `name` is its `source` field. Safe at import: it is set up at its first use."""
    return cast("FilteringBoundLogger", structlog.get_logger(source=name))


def configure(
    settings: Settings, process: str, out: BinaryIO | None = None, *, for_good: bool = True
) -> None:
    """Send every log line of this process, structlog's and the standard library's, to `out`.

    Standard output by default. `for_good`: loggers remember it from their first line on, which
    is quicker; a later call does not reach them then. A line that cannot be written is lost without
    a word: a full disk or a reader that went away must not stop the work that the line tells of.
    """
    stream = sys.stdout.buffer if out is None else out
    plain = settings.log_format == "plain" or (
        settings.log_format == "auto" and out is None and sys.stdout.isatty()
    )
    render = _plain_renderer(colors=stream.isatty()) if plain else _json
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        _Clean(_secrets(settings)),
        _constants(service=settings.service_name, process=process),
        render,
    ]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(stream),
        cache_logger_on_first_use=for_good,
    )
    logging.basicConfig(handlers=[_Bridge()], level=max(level, logging.INFO), force=True)
    logging.captureWarnings(capture=True)
    for name in CHATTERERS:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Lines:
    """Whole lines to a stream, from any thread."""

    _lock = threading.Lock()

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def msg(self, line: bytes) -> None:
        try:
            with self._lock:
                self._stream.write(line + b"\n")
                self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = msg


class _Bridge(logging.Handler):
    """Passes a standard library's record on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        get(record.name).log(record.levelno, text, exc_info=record.exc_info)


def _constants(**fields: str) -> Processor:
    def add(_: Any, __: str, event: Fields) -> Fields:
        event.update(fields)
        return event

    return add


class _Clean:
    """Makes every value safe to print: no secret, bounded, and of a type that JSON knows."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def __call__(self, _: Any, __: str, event: Fields) -> Fields:
        exception = event.pop("exception", None)
        clean = {key: self._value(value, 0) for key, value in event.items()}
        if exception is not None:
            clean["exception"] = self._tail(exception)
        return clean

    def _value(self, value: object, depth: int) -> Any:
        if type(value) is str or type(value) is bytes:  # nearly all of them, and quickly told
            return self._text(value)
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if abs(value) <= INTEGER_MAX else str(value)
        if isinstance(value, Mapping) and depth < DEPTH_MAX:
            some = islice(value.items(), ITEMS_MAX)
            return {self._hidden(str(k)): self._value(v, depth + 1) for k, v in some}
        if isinstance(value, list | tuple | set | frozenset) and depth < DEPTH_MAX:
            return [self._value(item, depth + 1) for item in islice(value, ITEMS_MAX)]
        return self._text(value)

    def _text(self, value: object) -> str:
        if isinstance(value, bytes) and len(value) == UUID_BYTES:
            return uuid_text(value)
        text = self._hidden(value if isinstance(value, str) else repr(value))
        return text if len(text) <= TEXT_CHARACTERS_MAX else text[:TEXT_CHARACTERS_MAX] + "..."

    def _tail(self, value: object) -> str:
        """The end of a traceback names the error; its beginning is only our own entry point."""
        return self._hidden(str(value))[-EXCEPTION_CHARACTERS_MAX:]

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return masked(text)


def _json(_: Any, __: str, event: Fields) -> bytes:
    first = {key: event[key] for key in ALWAYS if key in event}
    line = _dumps({**first, **event})
    if len(line) > LINE_BYTES_MAX:
        line = _dumps({**first, "truncated_bytes": len(line)})
    return line


def _dumps(fields: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        # Half of a surrogate pair in a text: rather ugly than lost.
        return orjson.dumps({ascii(key)[1:-1]: ascii(value) for key, value in fields.items()})


def _plain_renderer(*, colors: bool) -> Processor:
    console = structlog.dev.ConsoleRenderer(
        colors=colors,
        timestamp_key="time",
        pad_event_to=24,
        exception_formatter=structlog.dev.plain_traceback,
    )

    def render(logger: Any, name: str, event: Fields) -> bytes:
        shown = {key: value for key, value in event.items() if key not in {"service", "source"}}
        return console(logger, name, shown).encode(errors="backslashreplace")[:LINE_BYTES_MAX]

    return render


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Every form in which a secret could reach a line, the longest first."""
    forms: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            text = value.get_secret_value()
            forms |= {text, *_passwords(text)}
    return tuple(sorted(filter(None, forms), key=len, reverse=True))


def _passwords(dsn: str) -> tuple[str, ...]:
    if "://" not in dsn:
        found = [part[9:] for part in dsn.split() if part.startswith("password=")]
        return tuple(word.strip("'") for word in found)
    try:
        password = urlsplit(dsn).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()
