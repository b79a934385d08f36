"""What a role answers to its Flink subtask. Reading is in :mod:`flinktf.training.records`."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

from flinktf.protocol.connection import send_frame
from flinktf.protocol.frames import VERSIONS, FrameType


class Subtask:
    """The writing half of the connection. Frames are written whole, whichever thread sends them."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._lock = threading.Lock()

    def ready(self, generation: int) -> None:
        self._send_json(FrameType.READY, {"version": max(VERSIONS), "generation": generation})

    def saved(self, checkpoint_id: int, location: str | None) -> None:
        """Answers one BARRIER; ``location`` is a URL, or None when nothing was saved for it."""
        self._send_json(FrameType.SAVED, {"checkpointId": checkpoint_id, "location": location})

    def result(self, payload: bytes | memoryview) -> None:
        with self._lock:
            send_frame(self.socket, FrameType.RESULT, payload)

    def done(self, rows: int, steps: int) -> None:
        """Says that the role ended well; a subtask that is gone already needs no telling."""
        with contextlib.suppress(OSError):
            self._send_json(FrameType.DONE, {"rows": rows, "steps": steps})

    def _send_json(self, frame_type: FrameType, value: dict[str, Any]) -> None:
        with self._lock:
            send_frame(self.socket, frame_type, json.dumps(value).encode())
