"""A front that speaks TLS, before a server that does not."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.devstack.ports import Ports

CHUNK_BYTES: Final = 64 * 1024
IDLE_S: Final = 120
"""Connections that say nothing for so long are ended, and so are their threads."""


@contextmanager
def tls_front(
    behind: tuple[str, int], certificate: Path, key: Path, demands: bytes = b""
) -> Iterator[int]:
    """The port of the front. Connections whose first words lack `demands` are ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ports = Ports()
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(
            target=_accept, args=(listener, context, behind, demands), daemon=True
        ).start()
        try:
            yield port
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            ports.release()


def _accept(
    listener: socket.socket, context: ssl.SSLContext, behind: tuple[str, int], demands: bytes
) -> None:
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:  # closed
            return
        threading.Thread(
            target=_serve, args=(accepted, context, behind, demands), daemon=True
        ).start()


def _serve(
    accepted: socket.socket, context: ssl.SSLContext, behind: tuple[str, int], demands: bytes
) -> None:
    accepted.settimeout(IDLE_S)
    with contextlib.suppress(OSError), context.wrap_socket(accepted, server_side=True) as front:
        first = front.recv(CHUNK_BYTES)
        if demands not in first:
            return
        with socket.create_connection(behind, IDLE_S) as back:
            back.sendall(first)
            threading.Thread(target=_copy, args=(back, front), daemon=True).start()
            _copy(front, back)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
