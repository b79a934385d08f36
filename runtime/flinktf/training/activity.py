"""The pulse of a role process: what it waits for, and whether anything moves in it. Its agent judges from that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from flinktf.training.control import Control

Awaited = Literal["records", "peers"]
"""Flink's records, or other instances of the job."""

_EVERY: Final = 1.0


class Activity:
    """Told by whoever waits or gets something done, on any thread. A few microseconds each: once a batch, not a row."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moves = 0
        self._waiting: dict[Awaited, int] = {"records": 0, "peers": 0}
        self._since: dict[Awaited, float] = {"records": 0.0, "peers": 0.0}
        self._waited: dict[Awaited, float] = {"records": 0.0, "peers": 0.0}

    def moved(self) -> None:
        """Something was done that is neither a step nor a row: a batch of an evaluation, say."""
        self._moves += 1

    @contextmanager
    def waiting(self, what: Awaited) -> Iterator[None]:
        """Around a wait. Where several threads wait at once, the time counts once."""
        with self._lock:
            self._waiting[what] += 1
            if self._waiting[what] == 1:
                self._since[what] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._waiting[what] -= 1
                if self._waiting[what] == 0:
                    self._waited[what] += time.monotonic() - self._since[what]

    def pulse(self) -> dict[str, object]:
        """What it waits for right now, or None; the seconds that it has waited so far; how often something moved."""
        now = time.monotonic()
        with self._lock:
            current: list[Awaited] = [what for what, threads in self._waiting.items() if threads]
            waited = {
                what: round(seconds + (now - self._since[what] if what in current else 0.0), 3)
                for what, seconds in self._waited.items()
            }
            return {"waiting": current[0] if current else None, "waited": waited, "moves": self._moves}

    def tell(self, control: Control) -> None:
        """Starts the thread that sends the pulse once a second. A process that hangs as a whole sends none."""
        threading.Thread(target=self._tell, args=(control,), name="flinktf-pulse", daemon=True).start()

    def _tell(self, control: Control) -> None:
        while True:
            control.send("pulse", **self.pulse())
            time.sleep(_EVERY)
