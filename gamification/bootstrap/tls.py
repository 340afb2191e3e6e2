"""The files of mutual TLS, from settings."""

from pathlib import Path

from gamification.adapters.tls import TlsFiles, TlsPaths
from gamification.domain.errors import Halt
from gamification.settings import Settings


def tls_files(settings: Settings) -> TlsFiles | None:
    """None when mTLS is off. Raises Halt when it is half on, or the files do not fit together."""
    paths = settings.tls_certificate, settings.tls_key, settings.tls_ca
    if not any(paths):
        return None
    if not all(paths):
        raise Halt(
            "mutual TLS needs all of GAMIFICATION_TLS_CERTIFICATE, GAMIFICATION_TLS_KEY and "
            "GAMIFICATION_TLS_CA, or none of them"
        )
    return TlsFiles(TlsPaths(*map(Path, paths)))
