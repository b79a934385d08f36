"""The control socket between this process and its agent: events out, commands in (docs/internals.md)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

Phase = Literal["waiting", "training", "evaluating", "saving", "serving"]

_RECEIVE_BYTES = 1 << 16


class Assignment(NamedTuple):
    """What a process waits for: its task file, the subtask's connection, and bytes read beyond the line."""

    task_path: str
    stream_fd: int
    rest: bytes


def receive_assignment(sock: socket.socket) -> Assignment | None:
    """Blocks until the agent assigns a task; None when the agent closed the socket instead.

    Raises RuntimeError when the message is not one JSON line with one file descriptor.
    """
    received = b""
    fds: list[int] = []
    while b"\n" not in received:
        chunk, new, _, _ = socket.recv_fds(sock, _RECEIVE_BYTES, 4)
        fds += new
        if not chunk:
            return None
        received += chunk
    line, rest = received.split(b"\n", 1)
    task_path = json.loads(line).get("task")
    if not isinstance(task_path, str) or len(fds) != 1:
        for fd in fds:
            os.close(fd)
        raise RuntimeError(f"the agent sent {line[:200]!r} with {len(fds)} descriptors, not a task with one")
    return Assignment(task_path, fds[0], rest)


class Control:
    """Sends events and hears commands. Safe to use from any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self.stop = threading.Event()
        self._socket = sock
        self._lock = threading.Lock()
        self._phase: Phase | None = None
        self._on_completed: Callable[[int, list[int]], None] | None = None

    def send(self, event: str, **values: Any) -> None:
        """Sends one event. A lost agent is not this method's concern: the process dies with its agent."""
        line = json.dumps({"event": event, **values}).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(line)

    def phase(self, phase: Phase) -> None:
        if phase != self._phase:
            self._phase = phase
            self.send("phase", phase=phase)

    def on_completed(self, call: Callable[[int, list[int]], None]) -> None:
        """``call`` is told of each checkpoint of Flink's that is completed, and of those that are over since."""
        self._on_completed = call

    def listen(self, rest: bytes = b"") -> None:
        """Starts the thread that does what the agent says."""
        threading.Thread(target=self._listen, args=(rest,), name="flinktf-control", daemon=True).start()

    def _listen(self, received: bytes) -> None:
        while True:
            *lines, received = received.split(b"\n")
            for line in lines:
                if line.strip():
                    self._obey(json.loads(line))
            try:
                chunk = self._socket.recv(_RECEIVE_BYTES)
            except OSError:
                return
            if not chunk:
                return
            received += chunk

    def _obey(self, line: dict[str, Any]) -> None:
        if line.get("command") == "stop":
            self.stop.set()
        elif line.get("command") == "completed" and self._on_completed is not None:
            self._on_completed(line["checkpoint"], line["over"])
