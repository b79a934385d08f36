"""Barriers of a role without records: a source's subtask has checkpoints too, and nobody reads a dataset there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from flinktf.training.records import Marker, RecordReader
from flinktf.training.subtask import Subtask


class SourceBarriers:
    """Answers each barrier at once, or hands it to a training loop that has asked for them."""

    def __init__(self, reader: RecordReader, subtask: Subtask, lost: Callable[[Exception], None]) -> None:
        self._reader = reader
        self._subtask = subtask
        self._lost = lost
        self._waiting: queue.SimpleQueue[Marker] = queue.SimpleQueue()
        self._wanted = False
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._run, name="flinktf-barriers", daemon=True).start()

    def wanted(self, wanted: bool) -> None:
        """Whether someone will call :meth:`next`; what nobody wants any more is answered without a location."""
        with self._lock:
            self._wanted = wanted
            while not wanted and (marker := self.next()) is not None:
                self._subtask.saved(marker.checkpoint_id, None)

    def next(self) -> Marker | None:
        """A barrier to answer, or None when there is none now."""
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None

    def _run(self) -> None:
        try:
            for item in self._reader:
                if isinstance(item, Marker):
                    with self._lock:
                        if self._wanted:
                            self._waiting.put(item)
                        else:
                            self._subtask.saved(item.checkpoint_id, None)
        except Exception as error:  # the thread has nobody else to tell
            self._lost(error)
