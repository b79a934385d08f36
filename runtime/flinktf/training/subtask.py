"""What a role answers to its Flink subtask. Reading is in :mod:`flinktf.training.records`."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any, Final, NamedTuple

from flinktf.protocol.connection import send_frame
from flinktf.protocol.frames import VERSIONS, FrameType


class Saved(NamedTuple):
    """What a barrier is answered with: where the model is, or why there is none; neither where nobody saves one."""

    location: str | None = None
    error: str | None = None


NOTHING: Final = Saved()
OVERTAKEN: Final = Saved(error="a newer checkpoint has come")
"""For a barrier that not all of a cluster have got: Flink has given its checkpoint up."""


class Subtask:
    """The writing half of the connection. Frames are written whole, whichever thread sends them."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._lock = threading.Lock()

    def ready(self, generation: int) -> None:
        self._send_json(FrameType.READY, {"version": max(VERSIONS), "generation": generation})

    def saved(self, checkpoint_id: int, saved: Saved = NOTHING) -> None:
        """Answers one BARRIER. With an error there will be no such checkpoint."""
        self._send_json(FrameType.SAVED, {"checkpointId": checkpoint_id, **saved._asdict()})

    def result(self, payload: bytes | memoryview) -> None:
        with self._lock:
            send_frame(self.socket, FrameType.RESULT, payload)

    def progress(self, step: int, rows: int, metrics: dict[str, float]) -> None:
        """For Flink's metrics; a subtask that is gone already needs no telling."""
        with contextlib.suppress(OSError):
            self._send_json(FrameType.PROGRESS, {"step": step, "rows": rows, "metrics": metrics})

    def done(self, rows: int, steps: int) -> None:
        """Says that the role ended well; a subtask that is gone already needs no telling."""
        with contextlib.suppress(OSError):
            self._send_json(FrameType.DONE, {"rows": rows, "steps": steps})

    def _send_json(self, frame_type: FrameType, value: dict[str, Any]) -> None:
        with self._lock:
            send_frame(self.socket, frame_type, json.dumps(value).encode())
