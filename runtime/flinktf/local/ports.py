"""Free ports for processes that cannot choose their own."""

from __future__ import annotations

import random
import socket
from typing import Final

# Below Linux' ephemeral range (32768…), from which the kernel hands out ports to clients at any moment: a port from
# here stays free between this look and the bind of the process that gets it, unless another program asks for just it.
_RANGE: Final = range(12_000, 32_000)
_TRIES: Final = 200


class PortError(RuntimeError):
    """No port, or the one that was asked for is taken."""


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A TCP port of the loopback interface that nobody listens on and that is not in ``taken``."""
    candidates = [port for port in _RANGE if port not in taken]
    for port in random.sample(candidates, min(_TRIES, len(candidates))):
        if _is_free(port):
            return port
    raise PortError(f"found no free port between {_RANGE.start} and {_RANGE.stop} in {_TRIES} tries")


def require_free(port: int, option: str) -> int:
    """``port`` itself. Raises :class:`PortError` naming the option that asked for it."""
    if not _is_free(port):
        raise PortError(f"{option}: port {port} is taken by another process; choose another one, or leave it out")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
