"""HTTP/2 by hand, for peers that do what no library lets them: silent, deaf, half-finished."""

import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0x0, 0x1, 0x4
END_STREAM, END_HEADERS = 0x1, 0x4
INITIAL_WINDOW_SIZE: Final = 4
READ_WITHIN_S: Final = 20.0


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def settings(window_bytes: int | None = None) -> bytes:
    """A SETTINGS frame; `window_bytes` is how much may be sent to us on a stream, unasked."""
    if window_bytes is None:
        return frame(SETTINGS, 0, 0, b"")
    return frame(SETTINGS, 0, 0, INITIAL_WINDOW_SIZE.to_bytes(2) + window_bytes.to_bytes(4))


def headers(path: str, stream: int) -> bytes:
    """The HEADERS frame of a gRPC call, nothing of it compressed."""
    fields = (
        *((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test")),
        *(("content-type", "application/grpc"), ("te", "trailers")),
    )
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)
    return frame(HEADERS, END_HEADERS, stream, block)


def grpc_call(path: str, message: bytes, stream: int = 1) -> bytes:
    """A whole unary call. `message` may be anything."""
    body = b"\0" + len(message).to_bytes(4) + message
    return headers(path, stream) + frame(DATA, END_STREAM, stream, body)


class Peer:
    """A connection whose preface is sent, and nothing that is not told to be."""

    def __init__(self, address: str, *, window_bytes: int | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), READ_WITHIN_S)
        self.received = b""
        self.send(PREFACE + settings(window_bytes))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_until(self, seen: Callable[[bytes], bool], within_s: float = READ_WITHIN_S) -> None:
        """Until what was received does. Raises AssertionError, also when the other hung up."""
        deadline = time.monotonic() + within_s
        while not seen(self.received):
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self._socket.recv(65_536)
            except TimeoutError:
                raise AssertionError(f"not within {within_s} s: {self.received!r}") from None
            assert more, f"hung up after {self.received!r}"
            self.received += more

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _text(text: str) -> bytes:
    """As HPACK has it without Huffman's code; up to 126 bytes."""
    raw = text.encode()
    assert len(raw) < 127
    return bytes((len(raw),)) + raw
