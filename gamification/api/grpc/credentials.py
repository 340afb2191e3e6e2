"""Mutual TLS; the server's renewed certificates hold from the next connection on."""

import grpc

from gamification.adapters.tls import TlsFiles


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """For channels to services that want to know us; of the files as they are now."""
    pair = files.current
    return grpc.ssl_channel_credentials(pair.ca, pair.key, pair.certificate)


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Only callers with a certificate of the CA's get in."""

    def configuration() -> grpc.ServerCertificateConfiguration:
        pair = files.current
        return grpc.ssl_server_certificate_configuration(
            [(pair.key, pair.certificate)], root_certificates=pair.ca
        )

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        return configuration() if files.renewed() else None

    return grpc.dynamic_ssl_server_credentials(
        configuration(),
        renewed,  # type: ignore[arg-type]  # None, for nothing new, is allowed
        require_client_authentication=True,
    )
