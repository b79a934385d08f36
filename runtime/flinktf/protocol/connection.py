"""Frames on a blocking socket."""

from __future__ import annotations

import socket
from typing import NamedTuple

from flinktf.protocol.frames import HEADER, FrameType, ProtocolError, decode_header, encode_header


class Frame(NamedTuple):
    type: FrameType
    payload: bytearray


def read_frame(sock: socket.socket) -> Frame | None:
    """The next frame, and not a byte beyond it; None when the peer has closed between two frames.

    Each payload has memory of its own, so that Arrow batches can be views of it. Raises :class:`ProtocolError` for what
    is not a frame or is cut short.
    """
    header = bytearray(HEADER.size)
    received = _receive(sock, memoryview(header))
    if received == 0:
        return None
    if received < HEADER.size:
        raise ProtocolError(f"the connection ended within a frame: {received} of {HEADER.size} bytes of its header")
    frame_type, length = decode_header(header)
    payload = bytearray(length)
    received = _receive(sock, memoryview(payload))
    if received < length:
        raise ProtocolError(
            f"the connection ended within a frame: {received} of {length} bytes of a {frame_type.name} payload"
        )
    return Frame(frame_type, payload)


def send_frame(sock: socket.socket, frame_type: FrameType, payload: bytes | bytearray | memoryview = b"") -> None:
    """Sends one frame whole. Raises :class:`ProtocolError` when it is larger than its type may be."""
    header = encode_header(frame_type, len(payload))
    if len(payload) <= 4096:
        sock.sendall(header + bytes(payload))
        return
    sock.sendall(header)
    sock.sendall(payload)


def _receive(sock: socket.socket, memory: memoryview) -> int:
    """Fills ``memory``, or as much of it as comes before the peer closes; how many bytes."""
    received = 0
    while received < len(memory):
        count = sock.recv_into(memory[received:])
        if count == 0:
            break
        received += count
    return received
