"""Mutual TLS of the server; renewed certificates hold from the next connection on."""

import grpc

from gamification.adapters.tls import TlsFiles, TlsPair


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Only callers with a certificate of the CA's get in."""
    given = files.newest()

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Asked for each connection, by one thread at a time."""
        nonlocal given
        newest = files.newest()
        if newest == given:
            return None
        given = newest
        return _configuration(newest)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(given),
        renewed,  # type: ignore[arg-type]  # None, for nothing new, is allowed
        require_client_authentication=True,
    )


def _configuration(pair: TlsPair) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(pair.key, pair.certificate)], root_certificates=pair.ca
    )
