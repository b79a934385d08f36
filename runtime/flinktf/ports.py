"""Free ports for processes that cannot choose their own, and whether one is served."""

from __future__ import annotations

import random
import socket
from typing import Final

# Below Linux' ephemeral range (32768…), from which the kernel hands out ports to clients at any moment: a port from
# here stays free between this look and the bind of the process that gets it, unless another program asks for just it.
_RANGE: Final = range(12_000, 32_000)
_TRIES: Final = 200
_CONNECT_SECONDS: Final = 2.0


class PortError(RuntimeError):
    """No port, or the one that was asked for is taken."""


def hold_port(
    host: str = "127.0.0.1", taken: frozenset[int] = frozenset(), preferred: int | None = None
) -> socket.socket:
    """Binds a free port of ``host`` that is not in ``taken``; it is held until the returned socket is closed.

    ``preferred``, where it is free: who was there before is looked for there.
    """
    held = _bound(host, preferred) if preferred is not None else None
    if held is not None:
        return held
    candidates = [port for port in _RANGE if port not in taken]
    for port in random.sample(candidates, min(_TRIES, len(candidates))):
        held = _bound(host, port)
        if held is not None:
            return held
    raise PortError(f"found no free port of {host} between {_RANGE.start} and {_RANGE.stop} in {_TRIES} tries")


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A TCP port of the loopback interface that nobody listens on and that is not in ``taken``."""
    with hold_port(taken=taken) as held:
        return int(held.getsockname()[1])


def require_free(port: int, option: str) -> int:
    """``port`` itself. Raises :class:`PortError` naming the option that asked for it."""
    held = _bound("127.0.0.1", port)
    if held is None:
        raise PortError(f"{option}: port {port} is taken by another process; choose another one, or leave it out")
    held.close()
    return port


def accepts(address: str) -> bool:
    """Whether somebody takes connections at ``address``, which is host:port."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), _CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _bound(host: str, port: int) -> socket.socket | None:
    candidate = socket.socket()
    # What is left of the connections of a process that was killed is no reason not to listen again.
    candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        candidate.bind((host, port))
    except OSError:
        candidate.close()
        return None
    return candidate
