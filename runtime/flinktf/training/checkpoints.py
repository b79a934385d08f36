"""A model's variables as one file: written whole or not at all, and read back in another process.

The file is numpy's ``.npz``: the steps and rows behind the model, and its variables in the model's order, which is the
same wherever the same code builds the model, whatever the strategy. It needs no collective to write, so that the chief
can do it alone. Each Flink job has a folder of its own: the numbers of its checkpoints begin at 1.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import numpy as np

from flinktf.arrow import Array
from flinktf.training.errors import NotWrittenError, TrainingError
from flinktf.training.subtask import NOTHING, Saved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flinktf.training.context import TFContext
    from flinktf.training.loops.model import ModelAdapter
    from flinktf.training.versions import Publisher

_FOLDER = "model"
_PROGRESS = "progress"
_EPOCHS_KEPT = 2
"""The newest one, and the one that the evaluator may be reading."""


class Position(NamedTuple):
    """How far training is: steps, and rows over all epochs and workers."""

    step: int
    rows: int


class Checkpoints:
    """Saves and restores below ``checkpoint_path``. Only the chief writes; under Independent each for itself."""

    def __init__(self, context: TFContext, adapter: ModelAdapter, publisher: Publisher | None = None) -> None:
        task = context.runtime.task
        self._context = context
        self._adapter = adapter
        self._publisher = publisher
        self._directory = Path(context.checkpoint_path, _FOLDER, task.job_id)
        self._suffix = f"-{task.role}-{task.index}.npz" if task.strategy == "Independent" else ".npz"
        self._writes = context.is_chief or task.strategy == "Independent"
        self._failing = False
        if self._writes:
            context.runtime.control.on_completed(self._completed)
            for partial in self._directory.glob(f".*{self._suffix}.*"):  # of a process that was killed while it wrote
                partial.unlink(missing_ok=True)

    def save_for(self, checkpoint_id: int, position: Position) -> Saved:
        """Saves the model for a Flink checkpoint, where no other role does it.

        One that cannot be written is told, and no end of training: the checkpoint before it counts.
        """
        if not self._writes:
            return NOTHING
        path = self._path(checkpoint_id)
        try:
            saved = Saved(self._write(path, position))
        except NotWrittenError as error:
            saved = Saved(error=str(error))
            if not self._failing:
                self._context.notice(f"{error}; the checkpoint before {checkpoint_id} counts until one can be")
        if self._failing and saved.error is None:
            self._context.notice(f"models can be written again, from checkpoint {checkpoint_id} on")
        self._failing = saved.error is not None
        if self._publisher is not None and not self._failing:
            self._publisher.offer(checkpoint_id, path, position)
        return saved

    def shared_location(self, checkpoint_id: int) -> str:
        """Where the chief saves the model of a Flink checkpoint, as every worker may tell it."""
        return self._path(checkpoint_id).absolute().as_uri()

    def save_epoch(self, number: int, position: Position) -> None:
        """Saves the model after an epoch, for an evaluator."""
        self._write(self._epoch(number), position)
        self._epoch(number - _EPOCHS_KEPT).unlink(missing_ok=True)

    def epochs(self) -> dict[int, Path]:
        """The newest epochs that are saved, by number."""
        found = sorted(self._directory.glob("epoch-*.npz"))
        return {int(path.stem.removeprefix("epoch-")): path for path in found}

    def restore(self, location: str) -> Position:
        """Reads what was saved at ``location``, a path or a file URL.

        Raises :class:`TrainingError` when it is not there or belongs to another model.
        """
        path = Path(unquote(urlsplit(location).path) if location.startswith("file:") else location)
        position, values = read(path)
        self._assign(values, location)
        return position

    def _path(self, checkpoint_id: int) -> Path:
        return self._directory / f"{checkpoint_id}{self._suffix}"

    def _epoch(self, number: int) -> Path:
        return self._directory / f"epoch-{number:06d}.npz"

    def _completed(self, checkpoint_id: int, over: Iterable[int]) -> None:
        """Flink has completed a checkpoint. Those that are over will not be restored: their models are deleted."""
        if self._publisher is not None:
            self._publisher.completed(checkpoint_id)
        for old in over:
            with contextlib.suppress(OSError):  # it is tried again with the next one
                self._path(old).unlink(missing_ok=True)

    def _assign(self, values: list[Array], location: str) -> None:
        variables: list[Any] = self._adapter.variables()
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [value.shape for value in values]:
            raise TrainingError(
                f"the model saved at {location} is another one: it has {len(values)} variables, this one has "
                f"{len(shapes)}, or their shapes differ; the code that builds the model or its optimizer has changed"
            )
        with self._context.strategy.scope():
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _write(self, path: Path, position: Position) -> str:
        from flinktf.training.loops.model import local_values

        values = local_values(self._context.strategy, self._adapter.variables())
        variables = {f"v{i}": value for i, value in enumerate(values)}
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, **{_PROGRESS: list(position)}, **variables)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            why = error.strerror or error
            raise NotWrittenError(f"the model's checkpoint cannot be written to {path}: {why}") from error
        return path.absolute().as_uri()


def read(path: Path | IO[bytes]) -> tuple[Position, list[Array]]:
    """What was saved at ``path``: its place in training, and the values of the variables in the model's order.

    Raises :class:`TrainingError` when it is not there or not whole.
    """
    try:
        with np.load(path) as saved:
            position = Position(*(int(number) for number in saved[_PROGRESS]))
            return position, [saved[f"v{i}"] for i in range(len(saved.files) - 1)]
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"the model saved at {path} cannot be read: {error}") from None
