"""Steps, rows and metrics on their way to the agent and to Flink: at most ten a second, and the last ones always."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import Any

from flinktf.training.control import Control
from flinktf.training.subtask import Subtask

_INTERVAL = 0.1


class Progress:
    """Metrics may be tensors: they are read only when they are sent, so that reporting does not wait for a device."""

    def __init__(self, control: Control, subtask: Subtask) -> None:
        self.step = 0
        self.rows = 0
        self._control = control
        self._subtask = subtask
        self._metrics: Mapping[str, Any] = {}
        self._counts: dict[str, float] = {}
        self._sent_at = 0.0
        self._pending = False
        self._lock = threading.RLock()

    def report(self, step: int, rows: int, metrics: Mapping[str, Any]) -> None:
        with self._lock:
            self.step, self.rows, self._metrics, self._pending = int(step), int(rows), metrics, True
            if time.monotonic() - self._sent_at >= _INTERVAL:
                self._send()

    def count(self, name: str, number: float) -> None:
        """A metric that stays beside those of each report."""
        with self._lock:
            self._counts[name] = number
            self._pending = True

    def metrics(self) -> dict[str, float]:
        """What was reported last, without what is not finite."""
        with self._lock:
            numbers = {name: float(value) for name, value in self._metrics.items()} | self._counts
        return {name: value for name, value in numbers.items() if math.isfinite(value)}

    def flush(self) -> None:
        with self._lock:
            if self._pending:
                self._send()

    def _send(self) -> None:
        metrics = self.metrics()
        self._control.send("progress", step=self.step, rows=self.rows, metrics=metrics)
        self._subtask.progress(self.step, self.rows, metrics)
        self._sent_at = time.monotonic()
        self._pending = False
