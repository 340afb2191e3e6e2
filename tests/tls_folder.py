"""Certificates of a test: a CA and, in one folder, what servers and callers show each other."""

import datetime as dt
from pathlib import Path
from typing import Final

import grpc

from deploy import certificates
from gamification.adapters.tls import TlsPaths

NAMES: Final = ("server", "client", "service")
"""Others' servers, those who call us, and we ourselves."""


class Folder:
    """A CA, and a certificate of it for each of NAMES."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ca = certificates.authority()
        self.rotate("the first CA")

    def rotate(self, name: str) -> None:
        """A new CA of this name, and new certificates of it for all."""
        self.ca = certificates.authority(name)
        certificates.write(self.path, "ca", self.ca)
        for one in NAMES:
            self.renew(one)

    def renew(self, name: str) -> None:
        certificates.write(self.path, name, certificates.issue(self.ca, name))

    def expire(self, name: str) -> None:
        """Its certificate was good until a minute ago."""
        expired = certificates.issue(self.ca, name, valid=-dt.timedelta(minutes=1))
        certificates.write(self.path, name, expired)

    def paths(self, name: str) -> TlsPaths:
        return TlsPaths(self.path / f"{name}.crt", self.path / f"{name}.key", self.path / "ca.crt")

    def environment(self, name: str) -> dict[str, str]:
        """The settings that make a service use them."""
        paths = self.paths(name)
        return {
            "GAMIFICATION_TLS_CERTIFICATE": str(paths.certificate),
            "GAMIFICATION_TLS_KEY": str(paths.key),
            "GAMIFICATION_TLS_CA": str(paths.ca),
        }

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def channel_credentials(self, name: str | None) -> grpc.ChannelCredentials:
        if name is None:
            return grpc.ssl_channel_credentials(self.read("ca.crt"))
        return grpc.ssl_channel_credentials(
            self.read("ca.crt"), self.read(f"{name}.key"), self.read(f"{name}.crt")
        )
