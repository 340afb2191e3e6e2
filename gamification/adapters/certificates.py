"""From when to when the certificates in a PEM file hold."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from gamification.domain.errors import Halt


class Certificate(NamedTuple):
    """Times are aware."""

    subject: str
    not_before: datetime
    not_after: datetime


def certificates(path: Path) -> list[Certificate]:
    """All in the file. Raises Halt when it cannot be read."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise Halt(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Halt(f"{path}: no certificate in PEM form") from error
    return [
        Certificate(_name(each), each.not_valid_before_utc, each.not_valid_after_utc)
        for each in found
    ]


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else f"serial {certificate.serial_number:x}"
