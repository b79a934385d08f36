"""Frames of the wire protocol between a Flink subtask and its role process (docs/protocol.md).

Pure: bytes in, frames out. Who reads and writes the socket is in :mod:`flinktf.protocol.connection`.
"""

from __future__ import annotations

import enum
import struct
from typing import Final, NamedTuple

MAGIC: Final = b"FT"
HEADER: Final = struct.Struct(">2sBBI")
"""magic, type, flags, payload length in bytes."""

VERSIONS: Final = (1,)
"""The protocol versions that this side speaks."""

_CONTROL_LIMIT: Final = 1 << 20
_DATA_LIMIT: Final = 64 << 20


class FrameType(enum.IntEnum):
    HELLO = 1
    READY = 2
    DATA = 3
    BARRIER = 4
    SAVED = 5
    RESULT = 6
    END = 7
    DONE = 8
    FAILED = 9
    PROGRESS = 10


LIMITS: Final[dict[FrameType, int]] = {
    FrameType.DATA: _DATA_LIMIT,
    FrameType.RESULT: _DATA_LIMIT,
    FrameType.END: 0,
}
"""The largest payload of a type in bytes; the types not named here are JSON, at most 1 MiB."""


class ProtocolError(Exception):
    """The peer broke the protocol; the connection cannot be used any more."""


class Header(NamedTuple):
    type: FrameType
    length: int


def limit(frame_type: FrameType) -> int:
    """The largest payload of ``frame_type`` in bytes."""
    return LIMITS.get(frame_type, _CONTROL_LIMIT)


def encode_header(frame_type: FrameType, length: int) -> bytes:
    """The 8 bytes before a payload of ``length`` bytes. Raises :class:`ProtocolError` above the type's limit."""
    if length > limit(frame_type):
        raise ProtocolError(f"a {frame_type.name} frame of {length} bytes is larger than {limit(frame_type)}")
    return HEADER.pack(MAGIC, frame_type, 0, length)


def decode_header(header: bytes | bytearray | memoryview) -> Header:
    """Reads 8 bytes. Raises :class:`ProtocolError` naming what is wrong with them."""
    magic, number, flags, length = HEADER.unpack(header)
    if magic != MAGIC:
        raise ProtocolError(f"not a flinktf frame: it starts with {bytes(header[:2]).hex()}, not {MAGIC.hex()}")
    try:
        frame_type = FrameType(number)
    except ValueError:
        raise ProtocolError(f"unknown frame type {number}") from None
    if flags != 0:
        raise ProtocolError(f"a {frame_type.name} frame with unknown flags {flags:#04x}")
    if length > limit(frame_type):
        raise ProtocolError(f"a {frame_type.name} frame of {length} bytes is larger than {limit(frame_type)}")
    return Header(frame_type, length)
