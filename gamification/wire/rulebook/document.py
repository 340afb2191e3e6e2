"""YAML text as plain values and their places, with a bound on everything.

Built from the parser's events, because that is where hostile text can be refused before it
costs anything: nesting without end, aliases that multiply, numbers of a million digits. What
a plain word means is settled here (YAML 1.2: `on` and `no` are words, dates are text).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from gamification.wire.rulebook.problems import Mark, Path, Report, quoted

BYTES_MAX: Final = 256 * 1024
DEPTH_MAX: Final = 32
VALUES_MAX: Final = 30_000
"""Keys and values together; reading so many takes about a second."""
DIGITS_MAX: Final = 18
"""Every such number fits 64 bits."""

Value: TypeAlias = "bool | int | str | list[Value] | dict[str, Value] | None"

_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class _Unreadable(Exception):
    """Already reported, and nothing after it can be understood."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of file is read: for messages, and for which characters its texts may have."""

    name: str = "rulebook"
    beginning: str = "rulebook: 1"
    is_clean: Callable[[str], bool] = str.isprintable


RULEBOOK: Final = Shape()


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end was not reached yet."""

    holder: list[Value] | dict[str, Value]
    path: Path
    key: str | None = None
    """The key whose value comes next; None when a key comes next."""


class _Builder:
    """Puts events together to values, noting where each one starts."""

    def __init__(self, report: Report, shape: Shape) -> None:
        self.report = report
        self.shape = shape
        self.values: dict[Path, Mark] = {}
        self.keys: dict[Path, Mark] = {}
        self.stack: list[_Open] = []
        self.root: Value = None
        self.documents = 0
        self.count = 0
        report.values, report.keys = self.values, self.keys

    def take(self, event: Event) -> None:
        if isinstance(event, DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, NodeEvent):
            self._node(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.stack.pop()

    def _start_document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop(
                event,
                f"a {self.shape.name} is one document: remove what follows the second `---`",
            )
        if event.version not in {None, (1, 2)} or event.tags:
            self.report.add_at(_mark(event), (), "lines that start with % are not allowed")

    def _node(self, event: NodeEvent) -> None:
        self.count += 1
        if self.count > VALUES_MAX:
            self._stop(event, f"more than {VALUES_MAX} words and values, the most allowed")
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.holder, dict) and top.key is None:
            self._key(top, event)
            return
        path = self._next_path(top)
        self.values[path] = _mark(event)
        self._refuse_extras(event, path)
        value: Value
        if isinstance(event, MappingStartEvent):
            value = {}
        elif isinstance(event, SequenceStartEvent):
            value = []
        else:
            value = self._scalar(event, path) if isinstance(event, ScalarEvent) else None
        self._place(top, value)
        if isinstance(value, dict | list):
            if len(self.stack) >= DEPTH_MAX:
                self._stop(event, f"nested deeper than {DEPTH_MAX} levels")
            self.stack.append(_Open(value, path))

    def _next_path(self, top: _Open | None) -> Path:
        if top is None:
            return ()
        if isinstance(top.holder, list):
            return (*top.path, len(top.holder))
        return (*top.path, top.key or "")

    def _place(self, top: _Open | None, value: Value) -> None:
        if top is None:
            self.root = value
        elif isinstance(top.holder, list):
            top.holder.append(value)
        else:
            # The second value of a key was refused at the key; the first one stays.
            top.holder.setdefault(top.key or "", value)
            top.key = None

    def _key(self, top: _Open, event: NodeEvent) -> None:
        if not isinstance(event, ScalarEvent):
            self._stop(event, "a key must be a plain word")
        key: str = event.value
        path = (*top.path, key)
        if key in top.holder:
            first = self.keys[path]
            self.report.add_at(
                _mark(event), path, f"written twice; the first is in line {first.line}"
            )
        else:
            self.keys[path] = _mark(event)
        self._refuse_extras(event, path)
        top.key = key

    def _refuse_extras(self, event: NodeEvent, path: Path) -> None:
        if isinstance(event, AliasEvent):
            message = "references (*) are not allowed: write it out"
        elif event.anchor is not None:
            message = "anchors (&) are not allowed: write it out where it is needed"
        elif getattr(event, "ctag", None) is not None:
            message = "tags (!) are not allowed"
        else:
            return
        self.report.add_at(_mark(event), path, message)

    def _scalar(self, event: ScalarEvent, path: Path) -> Value:
        text: str = event.value
        if not self.shape.is_clean(text):
            self.report.value(path, "must be on one line, without control characters")
        return text if event.style is not None else self._plain(text, path)

    def _plain(self, text: str, path: Path) -> Value:
        """What a word without quotes means in YAML 1.2."""
        value: Value = text
        if text in _WORDS:
            value = _WORDS[text]
        elif _INTEGER.fullmatch(text):
            if len(text) > DIGITS_MAX:
                self.report.value(path, f"a number may have at most {DIGITS_MAX} digits")
            else:
                value = int(text)
        elif _FLOAT.fullmatch(text):
            self.report.value(
                path,
                f"found {quoted(text)}: numbers with a point are not exact; write a fraction"
                ' like 3/2 (or quotes, "1.5", where a text is meant)',
            )
        return value

    def _stop(self, event: Event, message: str) -> NoReturn:
        self.report.add_at(_mark(event), (), message)
        raise _Unreadable


def read_document(text: str, report: Report, shape: Shape = RULEBOOK) -> Value:
    """The values in `text`, with every place known to `report`.

    Returns None when it cannot be read as YAML at all, which is reported like every problem.
    """
    if len(text) > BYTES_MAX or len(text.encode(errors="surrogatepass")) > BYTES_MAX:
        report.add_at(Mark(1, 1), (), f"longer than {BYTES_MAX // 1024} KiB, the most allowed")
        return None
    builder = _Builder(report, shape)
    try:
        for event in _events(text):
            builder.take(event)
    except _Unreadable:
        return None
    except (YAMLError, ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        # Some malformed text makes the parser stumble instead of refusing it.
        mark, why = _explained(error, text)
        report.add_at(mark, (), f"not YAML: {why}")
        return None
    if builder.documents == 0:
        report.add_at(Mark(1, 1), (), f"empty: a {shape.name} starts with `{shape.beginning}`")
        return None
    return builder.root


def _explained(error: Exception, text: str) -> tuple[Mark, str]:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        mark = Mark(before.count("\n") + 1, error.position - before.rfind("\n"))
        return mark, f"the character U+{error.character:04X} is not allowed"
    if isinstance(error, MarkedYAMLError):
        place = error.problem_mark or error.context_mark
        mark = Mark(place.line + 1, place.column + 1) if place else Mark(1, 1)
        return mark, str(error.problem or error.context)
    return Mark(1, 1), "the parser cannot read it"


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(text)


def _mark(event: Event) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1) if start else Mark(1, 1)
