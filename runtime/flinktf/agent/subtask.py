"""The agent's end of a subtask's connection: it reads HELLO, and after that only watches, until the role is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import threading
from collections.abc import Callable
from typing import Final

from flinktf.protocol.connection import read_frame, send_frame
from flinktf.protocol.frames import FrameType, ProtocolError
from flinktf.protocol.hello import Hello, parse_hello

_HELLO_TIMEOUT: Final = 10.0
_LOOK_EVERY_MS: Final = 500


class SubtaskConnection:
    """One accepted connection. Its descriptor is shared with the role process, which reads and writes the records."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._closed = threading.Event()

    def fileno(self) -> int:
        return self._socket.fileno()

    async def hello(self) -> Hello:
        """Reads HELLO, and not a byte beyond it. Raises :class:`ProtocolError`."""
        return await asyncio.to_thread(self._read_hello)

    def watch(self, hung_up: Callable[[], None]) -> None:
        """Calls ``hung_up`` in this event loop, once, when the subtask closes its end."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=(loop, hung_up), name="hang-up", daemon=True).start()

    def send(self, frame_type: FrameType, value: dict[str, object]) -> None:
        """Sends a control frame; a subtask that is gone needs no telling."""
        with contextlib.suppress(OSError):
            send_frame(self._socket, frame_type, json.dumps(value).encode())

    def discard(self) -> None:
        """Reads and throws away what still arrives until the subtask closes: its writer must not wait for nobody.

        Bounded by the subtask's own life.
        """

        def drain() -> None:
            with contextlib.suppress(OSError):
                while self._socket.recv(1 << 20):
                    pass
            self.close()

        threading.Thread(target=drain, name="discard", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._socket.close()

    def _read_hello(self) -> Hello:
        # A timeout makes the descriptor non-blocking, for the role process too: it is taken back in any case.
        self._socket.settimeout(_HELLO_TIMEOUT)
        try:
            frame = read_frame(self._socket)
        except TimeoutError:
            raise ProtocolError(f"no HELLO within {_HELLO_TIMEOUT:g} s") from None
        finally:
            self._socket.settimeout(None)
        if frame is None:
            raise ProtocolError("the connection was closed before HELLO")
        if frame.type is not FrameType.HELLO:
            raise ProtocolError(f"the first frame is {frame.type.name}, not HELLO")
        return parse_hello(frame.payload)

    def _watch(self, loop: asyncio.AbstractEventLoop, hung_up: Callable[[], None]) -> None:
        # Not a read: the records are the role process's. Linux tells of a closed peer without one.
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLRDHUP)
        while not self._closed.is_set():
            if poll.poll(_LOOK_EVERY_MS):
                with contextlib.suppress(RuntimeError):  # the loop is closed: the agent is ending
                    loop.call_soon_threadsafe(hung_up)
                return
