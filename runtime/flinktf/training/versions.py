"""Numbered versions of a model while it is trained: each belongs to a checkpoint that Flink has completed.

A version is a folder ``<model path>/<number>``, TensorFlow Serving's layout: a SavedModel, and beside it a manifest
that says what is behind it. It appears whole or not at all, and numbers only grow. It is made from the file that was
saved for the checkpoint, by a thread of its own: training goes on meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flinktf.training.errors import TrainingError

if TYPE_CHECKING:
    from flinktf.training.checkpoints import Position
    from flinktf.training.context import TFContext

MANIFEST: Final = "flinktf.json"
_OFFERS: Final = 16


@dataclass(frozen=True)
class Manifest:
    """What is behind a version. ``checkpoint`` is Flink's number of it, None for the model of the end; ``rows`` are
    those it was trained on, over all epochs and workers; ``created`` is in ISO 8601, UTC."""

    version: int
    job: str
    job_id: str
    checkpoint: int | None
    step: int
    rows: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    created: str = ""


def versions(root: Path) -> list[int]:
    """The numbers that are there, in order."""
    return sorted(int(path.name) for path in root.glob("*") if path.name.isdecimal())


def add(root: Path, partial: Path, context: TFContext, checkpoint: int | None, position: Position, keep: int) -> Path:
    """Makes ``partial``, a SavedModel in ``root``, its next version, and deletes old ones so that ``keep`` are there.

    Raises :class:`TrainingError` when ``root`` has a SavedModel itself, and OSError.
    """
    if (root / "saved_model.pb").exists():
        raise TrainingError(f"{root} has a model itself: with spec.model.versions, spec.model.path needs a new folder")
    task, known = context.runtime.task, versions(root)
    number = known[-1] + 1 if known else 1
    metrics, now = context.runtime.progress.metrics(), datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(number, task.job, task.job_id, checkpoint, *position, metrics, now)
    (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n")
    target = root / str(number)
    partial.rename(target)
    for old in known[: max(0, len(known) + 1 - keep)]:
        shutil.rmtree(root / str(old), ignore_errors=True)
    return target


class Publisher:
    """Of the chief: makes the models of completed checkpoints versions, at most one in ``publish.every_seconds``."""

    def __init__(self, context: TFContext, model: Any) -> None:
        assert context.runtime.task.publish is not None
        self._context = context
        self._model = model
        self._publish = context.runtime.task.publish
        self._root = Path(context.model_path)
        self._offers: dict[int, tuple[Path, Position]] = {}
        self._due = time.monotonic() + self._publish.every_seconds
        self._lock = threading.Lock()
        self._working: threading.Thread | None = None
        for partial in self._root.glob(".partial-*"):  # of a process that was killed while it wrote
            shutil.rmtree(partial, ignore_errors=True)

    def offer(self, checkpoint: int, path: Path, position: Position) -> None:
        """The model at ``path`` belongs to ``checkpoint``, which may be completed, or fail.

        One that has not taken a step is no version: it would take over from what an earlier job has trained.
        """
        if position.step == 0:
            return
        with self._lock:
            self._offers[checkpoint] = path, position
            for old in sorted(self._offers)[:-_OFFERS]:
                del self._offers[old]

    def completed(self, checkpoint: int) -> None:
        """Begins to publish its model, when that is due and nothing else is being published."""
        with self._lock:
            offered = self._offers.get(checkpoint)
            busy = self._working is not None and self._working.is_alive()
            if offered is None or busy or time.monotonic() < self._due:
                return
            self._due = time.monotonic() + self._publish.every_seconds
            work = (checkpoint, offered[0].open("rb"), offered[1])  # opened now: Flink's next may delete it
            self._working = threading.Thread(target=self._work, args=work, name="flinktf-versions", daemon=True)
            self._working.start()

    def finish(self) -> None:
        """Waits for the version that is being written."""
        if self._working is not None:
            self._working.join()

    def _work(self, checkpoint: int, file: Any, position: Position) -> None:
        from flinktf.training.checkpoints import read
        from flinktf.training.export import rebuilt, save

        partial = self._root / f".partial-{os.getpid()}"
        try:
            with file:
                values = read(file)[1]
            self._root.mkdir(parents=True, exist_ok=True)
            save(rebuilt(self._model, values), partial)
            path = add(self._root, partial, self._context, checkpoint, position, self._publish.keep)
        except Exception as error:  # training does not end for it
            self._context.notice(f"no version of the model for checkpoint {checkpoint}: {error}")
            return
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._context.runtime.control.send("model", path=str(path))
