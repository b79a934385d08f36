"""The parts of a role process, put together once: connection, control socket, records, progress."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

from flinktf.protocol.task import Task
from flinktf.training.activity import Activity
from flinktf.training.bad_records import BadRecords
from flinktf.training.checkpoints import Position
from flinktf.training.control import Control
from flinktf.training.dataset import FlinkDataset
from flinktf.training.errors import TrainingError
from flinktf.training.options import DatasetOptions
from flinktf.training.progress import Progress
from flinktf.training.recording import Recording
from flinktf.training.records import Marker, RecordReader, arrow_schema
from flinktf.training.subtask import Subtask
from flinktf.training.writer import RowWriter


class Runtime:
    """What :class:`flinktf.TFContext` is a view of."""

    _current: ClassVar[Runtime | None] = None

    def __init__(self, task: Task, subtask: Subtask, control: Control) -> None:
        self.task = task
        self.control = control
        self.subtask = subtask
        self.progress = Progress(control, subtask)
        self.activity = Activity()
        self.strategy: Any = None
        self.trained: Position | None = None
        """How far ``fit`` has come in the end; None where a script has a loop of its own."""
        schema = arrow_schema(task.schema) if task.schema is not None else None
        reader = RecordReader(subtask.socket, schema, activity=self.activity)
        self.recording: Recording | None = None
        if schema is not None:
            self.recording = Recording(reader, schema, Path(task.spool_path))
        else:
            threading.Thread(target=self._follow, args=(reader,), name="flinktf-subtask", daemon=True).start()
        self._output = arrow_schema(task.output_schema) if task.output_schema is not None else None
        self._writer: RowWriter | None = None
        self.activity.tell(control)
        Runtime._current = self

    @classmethod
    def current(cls) -> Runtime:
        if cls._current is None:
            raise TrainingError("this is not a flinktf role process: run the script as the entrypoint of a FlinkTFJob")
        return cls._current

    @property
    def is_chief(self) -> bool:
        if self.task.role == "chief":
            return True
        return self.task.role == "worker" and self.task.index == 0 and not self.task.cluster.get("chief")

    @property
    def rows(self) -> int:
        """Rows of the stream that the role has taken, each once."""
        return self.recording.rows if self.recording is not None else 0

    def dataset(self, options: DatasetOptions) -> FlinkDataset:
        bad = None
        if options.skip_bad:
            storage = Path(self.task.checkpoint_path or self.task.model_path).parent
            path = storage / "bad-records" / f"{self.task.role}-{self.task.index}.jsonl"
            bad = BadRecords(path, options.skip_bad, self._tell_bad)
        return FlinkDataset(self.recording, options, self.subtask.saved, bad)

    def _tell_bad(self, count: int, newest: str) -> None:
        self.progress.count("bad_records", count)
        if count == 1:
            self.control.send("notice", message=newest)

    def row_writer(self) -> RowWriter:
        if self._output is None:
            raise TrainingError(f"role {self.task.role} {self.task.index} has no output: the job feeds it as a sink")
        if self._writer is None:
            self._writer = RowWriter(self._output, self.subtask.result)
        return self._writer

    def close(self) -> None:
        """Sends the last rows and the last progress."""
        if self._writer is not None:
            self._writer.close()
        self.progress.flush()

    def discard(self) -> None:
        """Removes what the role kept on local disk."""
        if self.recording is not None:
            self.recording.remove()

    def _follow(self, reader: RecordReader) -> None:
        """A role without records reads all the same, to learn of its subtask's end."""
        try:
            for item in reader:
                if isinstance(item, Marker):
                    self.subtask.saved(item.checkpoint_id)
        except Exception:  # its attempt was cancelled: there is nothing left to serve
            self.control.stop.set()
