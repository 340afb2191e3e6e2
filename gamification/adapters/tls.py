"""Certificate, key and CA from files, read again when they change.

Certificates live for days and are renewed while we run. What is being written just now, or does
not fit together, is not taken: the old ones stay in use until the new ones are good.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from gamification.domain.errors import Halt
from gamification.telemetry import logs

Stamp = tuple[tuple[int, int, int], ...]

log = logs.get("tls")


@dataclass(frozen=True, slots=True)
class TlsPaths:
    """PEM files: our certificate with its chain, its private key, and whom we trust."""

    certificate: Path
    key: Path
    ca: Path


class TlsPair(NamedTuple):
    """Their contents."""

    certificate: bytes
    key: bytes
    ca: bytes


class TlsFiles:
    """The newest good contents of three files. From any thread."""

    def __init__(self, paths: TlsPaths) -> None:
        """Raises Halt when they are not there or do not fit together."""
        self._paths = paths
        self._lock = Lock()
        self._seen = self._stamp()
        self._refused: Stamp | None = None
        """What did not fit together, so that it is told once."""
        try:
            self._current = self._load()
        except (OSError, ssl.SSLError) as error:
            raise Halt(f"TLS files: {_said(error)}") from error

    def newest(self) -> TlsPair:
        """Look at the files. Each who uses them compares with what it had: there are several."""
        with self._lock:
            stamp = self._stamp()
            if stamp in {self._seen, self._refused}:
                return self._current
            try:
                found = self._load()
            except (OSError, ssl.SSLError) as error:
                self._refused = stamp
                log.warning("certificate_not_taken", reason=_said(error))
                return self._current
            if self._stamp() != stamp:
                return self._current  # they changed while we read: next time
            self._seen = stamp
            if found != self._current:
                log.info("certificate_renewed")
            self._current = found
            return found

    def _load(self) -> TlsPair:
        paths = self._paths
        # The library's own check that key and certificate belong together.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(paths.certificate, paths.key)
        context.load_verify_locations(paths.ca)
        return TlsPair(
            paths.certificate.read_bytes(), paths.key.read_bytes(), paths.ca.read_bytes()
        )

    def _stamp(self) -> Stamp:
        return tuple(
            _of(path) for path in (self._paths.certificate, self._paths.key, self._paths.ca)
        )


def _of(path: Path) -> tuple[int, int, int]:
    """What changes with a file; also when a link is turned to another one, as Kubernetes does."""
    try:
        found = os.stat(path)  # noqa: PTH116 - follows links
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _said(error: OSError | ssl.SSLError) -> str:
    """The file's name and what is wrong; nothing of a key."""
    if isinstance(error, ssl.SSLError):
        return f"certificate, key and CA do not fit together ({error.reason or 'unreadable'})"
    return f"{error.filename}: {error.strerror}"
