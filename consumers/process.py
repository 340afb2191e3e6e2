"""What every process does around its work: settings, logs, health, signals, exit codes."""

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from consumers.collector import Collector
from gamification.api.http.health import HealthServer, PortTaken, application
from gamification.api.http.vitals import Check, Vitals
from gamification.domain.errors import Halt, Unavailable
from gamification.settings import Settings, SettingsError, load, misspelled
from gamification.telemetry import killpoints, logs, metrics, traces

EXIT_OK: Final = 0
EXIT_BUG: Final = 1
EXIT_SETTINGS: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_HALT: Final = 4
EXIT_FORCED: Final = 5

SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})

log = logs.get("process")


@dataclass(frozen=True, slots=True)
class Process:
    """One running process, as its main function sees it."""

    name: str
    settings: Settings
    stop: threading.Event
    """Set once somebody asked us to stop. Look at it in every loop; wait on it, do not sleep."""
    vitals: Vitals
    collector: Collector | None = None
    http_port: int = 0
    """On which /health is answered."""

    def between_turns(self) -> None:
        """Call it where hardly anything is alive: between two pieces of work."""
        if self.collector is not None:
            self.collector.between_turns()

    def heartbeat(self, loop: str = "worker") -> None:
        """Say that `loop` turned. A loop that spoke once must go on speaking (/health)."""
        self.vitals.beat(loop)

    def readiness(self, name: str, check: Check) -> None:
        """Add a check to /ready: it raises when the dependency is not usable.

        It runs in a thread of its own, never twice at a time: give it its own connection.
        """
        self.vitals.add_check(name, check)


def run(name: str, main: Callable[[Process], None]) -> int:
    """Run `main` until it returns; return the process's exit code, for `sys.exit`.

    `main` returns soon after `process.stop` is set, and calls nothing that blocks for ever.
    Call this from the main thread, before any other thread is started.
    """
    try:
        settings = load()
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201 - there is no log before the settings
        return EXIT_SETTINGS
    logs.configure(settings, name)
    killpoints.arm(settings.kill_at)
    process = Process(name, settings, threading.Event(), Vitals(settings.heartbeat_limit_s))
    app = application(process.vitals, metrics.registry(name, settings))
    try:
        server = HealthServer(app, settings.http_host, settings.http_port_of(name))
    except PortTaken as error:
        log.critical("start_failed", reason=str(error))
        return EXIT_SETTINGS
    _watch_signals(process)
    _record_traces(settings, name)
    faulthandler.enable(all_threads=True)  # a crash in C leaves no other word
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # for who asks where it hangs
    server.start()
    for line in misspelled():
        log.warning("unknown_setting", reason=line)
    log.info("started", pid=os.getpid(), http_host=settings.http_host, http_port=server.port)
    code = _outcome(replace(process, collector=Collector(), http_port=server.port), main)
    process.vitals.stopping()
    server.stop()
    traces.stop()
    return code


def _record_traces(settings: Settings, name: str) -> None:
    """When somebody wants them."""
    if not settings.otlp_endpoint:
        return
    from gamification.telemetry import recorder  # noqa: PLC0415 - 15 MiB that few want

    traces.start(recorder.over_otlp(settings, name))
    log.info("traces_exported", endpoint=settings.otlp_endpoint)


def _outcome(process: Process, main: Callable[[Process], None]) -> int:
    """Run `main` and say in the log and by the exit code how it ended."""
    try:
        main(process)
    except Halt as error:
        metrics.ERRORS.labels(type(error).__name__).inc()
        log.critical("halted", reason=str(error), error=type(error).__name__, exc_info=True)
        return EXIT_HALT
    except Unavailable as error:
        metrics.ERRORS.labels(type(error).__name__).inc()
        log.critical("gave_up", reason=str(error), error=type(error).__name__)
        return EXIT_UNAVAILABLE
    except Exception as error:
        metrics.ERRORS.labels("unexpected").inc()
        log.critical("crashed", reason=f"{type(error).__name__}: {error}", exc_info=True)
        return EXIT_BUG
    reason = "asked to stop" if process.stop.is_set() else "finished"
    log.info("stopped", reason=reason, exit_code=EXIT_OK)
    return EXIT_OK


def _watch_signals(process: Process) -> None:
    """Wait for signals in a thread, so that a main thread stuck in C cannot hold them back.

    All threads made later inherit the mask, librdkafka's too: signals come here only.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def watch() -> None:
        first = signal.Signals(signal.sigwait(SIGNALS))
        began = time.monotonic()
        log.info("stopping", reason=first.name, within_s=process.settings.shutdown_within_s)
        process.vitals.stopping()
        process.stop.set()
        second = signal.sigtimedwait(SIGNALS, process.settings.shutdown_within_s)
        why = signal.Signals(second.si_signo).name if second else "time is over"
        frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
        log.critical(
            "forced_stop",
            reason=why,
            after_s=round(time.monotonic() - began, 1),
            main_thread="".join(traceback.format_stack(frame)[-5:]) if frame else "",
            exit_code=EXIT_FORCED,
        )
        os._exit(EXIT_FORCED)

    threading.Thread(target=watch, name="signals", daemon=True).start()
