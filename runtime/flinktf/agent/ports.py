"""The port of a role's TensorFlow server."""

from __future__ import annotations

import socket


def hold_port(host: str) -> socket.socket:
    """Binds a free port of ``host`` and holds it until the returned socket is closed.

    It is told to the peers long before TensorFlow binds it. TensorFlow's gRPC binds with SO_REUSEPORT, so that both can
    have it; and only TensorFlow listens, so that all connections are its own.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, 0))
    return held
