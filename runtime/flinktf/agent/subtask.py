"""The agent's end of a subtask's connection: it reads HELLO, and after that only watches, until the role is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import threading
from collections.abc import Callable, Mapping
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
        self._shut_here = False

    def fileno(self) -> int:
        return self._socket.fileno()

    async def hello(self) -> Hello:
        """Reads HELLO, and not a byte beyond it. Raises :class:`ProtocolError`."""
        # The deadline is for the whole frame, not for each read; and who ends meanwhile does not wait for it.
        deadline = asyncio.get_running_loop().call_later(_HELLO_TIMEOUT, self._shut)
        try:
            return await asyncio.to_thread(self._read_hello)
        except ProtocolError as error:
            if self._shut_here:
                raise ProtocolError(f"no HELLO within {_HELLO_TIMEOUT:g} s: {error}") from None
            raise
        except asyncio.CancelledError:
            self._shut()
            raise
        finally:
            deadline.cancel()

    def watch(self, hung_up: Callable[[], None]) -> None:
        """Calls ``hung_up`` in this event loop, once, when the subtask closes its end."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=(loop, hung_up), name="hang-up", daemon=True).start()

    def finish(self, frame_type: FrameType | None = None, value: Mapping[str, object] | None = None) -> None:
        """The last word, if any; then reads and throws away until the subtask closes. Does not wait for either.

        The subtask may be writing to a role that is gone, or not be reading: neither of the two may wait for the other.
        Bounded by the subtask's own life.
        """
        # The role process may have changed the mode of the connection for both.
        self._socket.setblocking(True)

        def speak() -> None:
            if frame_type is not None:
                with contextlib.suppress(OSError):  # a subtask that is gone needs no telling
                    send_frame(self._socket, frame_type, json.dumps(value).encode())

        def discard() -> None:
            speaker = threading.Thread(target=speak, name="last-word", daemon=True)
            speaker.start()
            with contextlib.suppress(OSError):
                while self._socket.recv(1 << 20):
                    pass
            speaker.join()
            self._closed.set()
            self._socket.close()

        threading.Thread(target=discard, name="discard", daemon=True).start()

    async def closed(self, seconds: float) -> None:
        """Until the subtask has closed its end, after :meth:`finish`; for so long at most."""
        await asyncio.to_thread(self._closed.wait, seconds)

    def _shut(self) -> None:
        """Ends a read that waits in another thread."""
        self._shut_here = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def _read_hello(self) -> Hello:
        frame = read_frame(self._socket)
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
