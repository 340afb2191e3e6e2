"""Certificates for development: `python -m deploy.certificates FOLDER`. Never for production.

A CA of its own, and from it a server's certificate for this machine and two clients': one for
callers of the service, one for the service when it calls others.
"""

import argparse
import datetime as dt
import ipaddress
import sys
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID: Final = dt.timedelta(days=90)
CLOCK_SKEW: Final = dt.timedelta(minutes=5)
NAMES: Final = ("localhost", "gamification")


class Issued(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority(name: str = "gamification development CA") -> Issued:
    """A new CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key(), VALID).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue(ca: Issued, name: str, *, valid: dt.timedelta = VALID) -> Issued:
    """A certificate for this machine, for servers and clients; has expired if `valid` < 0."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = ca.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    hosts: list[x509.GeneralName] = [x509.DNSName(host) for host in NAMES]
    hosts.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = (
        _builder(name, str(issuer), key.public_key(), valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
    )
    return Issued(builder.sign(ca.key, hashes.SHA256()), key)


def write(folder: Path, name: str, issued: Issued) -> tuple[Path, Path]:
    """`name.crt` and `name.key`, the key for its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(issued.certificate.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        issued.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


def _builder(
    name: str, issuer: str, public_key: ec.EllipticCurvePublicKey, valid: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_common_name(name))
        .issuer_name(_common_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + valid) - CLOCK_SKEW)
        .not_valid_after(now + valid)
    )


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.certificates", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write them; made if missing")
    folder: Path = parser.parse_args().folder
    ca = authority()
    for name, issued in (("ca", ca), *((n, issue(ca, n)) for n in ("server", "client", "service"))):
        for path in write(folder, name, issued):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
