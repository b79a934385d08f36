"""The newest events of a job, numbered."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Final

from flinktf.coordinator.state import Happened

_KEPT: Final = 1000


class EventLog:
    """Keeps the newest thousand; ``number`` counts all of them, from 1; ``at`` is seconds of the epoch."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._count = 0

    def add(self, what: Happened) -> None:
        self._count += 1
        event = {"number": self._count, "at": time.time(), "type": what.type, "who": what.who, "message": what.message}
        self._events.append(event)

    def newest(self) -> list[dict[str, Any]]:
        return list(self._events)
