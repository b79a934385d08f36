"""A model's variables as one file: written whole or not at all, and read back in another process.

The file is numpy's ``.npz``: the steps and rows behind the model, and its variables in the model's order, which is the
same wherever the same code builds the model, whatever the strategy. It needs no collective to write, so that the chief
can do it alone.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from flinktf.training.columns import Array
from flinktf.training.errors import NotWrittenError, TrainingError
from flinktf.training.subtask import NOTHING, Saved

if TYPE_CHECKING:
    from flinktf.training.context import TFContext
    from flinktf.training.loops.model import ModelAdapter

_TRAIN = "train"
_PROGRESS = "progress"


class Checkpoints:
    """Saves and restores below ``checkpoint_path``. Only the chief writes."""

    def __init__(self, context: TFContext, adapter: ModelAdapter) -> None:
        self._context = context
        self._adapter = adapter
        self._directory = Path(context.checkpoint_path)
        self._failing = False

    def save_for(self, checkpoint_id: int) -> Saved:
        """Saves the model for a Flink checkpoint, where no other role does it.

        One that cannot be written is told, and no end of training: the checkpoint before it counts.
        """
        path = self.path_for(checkpoint_id)
        if path is None:
            return NOTHING
        try:
            saved = Saved(self._write(path))
        except NotWrittenError as error:
            saved = Saved(error=str(error))
            if not self._failing:
                self._context.notice(f"{error}; the checkpoint before {checkpoint_id} counts until one can be")
        if self._failing and saved.error is None:
            self._context.notice(f"models can be written again, from checkpoint {checkpoint_id} on")
        self._failing = saved.error is not None
        return saved

    def path_for(self, checkpoint_id: int) -> Path | None:
        task = self._context.runtime.task
        if task.strategy == "Independent":
            return self._directory / str(checkpoint_id) / f"{task.role}-{task.index}.npz"
        return self._directory / str(checkpoint_id) / "model.npz" if self._context.is_chief else None

    def shared_location(self, checkpoint_id: int) -> str:
        """Where the chief saves the model of a Flink checkpoint, as every worker may tell it."""
        return (self._directory / str(checkpoint_id) / "model.npz").absolute().as_uri()

    def save_epoch(self, number: int) -> None:
        """Saves the model after an epoch, for an evaluator."""
        self._write(self._directory / _TRAIN / f"epoch-{number:06d}.npz")

    def epochs(self) -> dict[int, Path]:
        """The epochs that are saved, by number."""
        found = sorted((self._directory / _TRAIN).glob("epoch-*.npz"))
        return {int(path.stem.removeprefix("epoch-")): path for path in found}

    def restore(self, location: str) -> tuple[int, int]:
        """Reads what was saved at ``location``, a path or a file URL; returns the steps and rows behind it.

        Raises :class:`TrainingError` when it is not there or belongs to another model.
        """
        path = Path(unquote(urlsplit(location).path) if location.startswith("file:") else location)
        try:
            with np.load(path) as saved:
                step, rows = (int(number) for number in saved[_PROGRESS])
                values = [saved[f"v{i}"] for i in range(len(saved.files) - 1)]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"the model saved at {location} cannot be read: {error}") from None
        self._assign(values, location)
        return step, rows

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

    def _write(self, path: Path) -> str:
        from flinktf.training.loops.model import local_values

        values = local_values(self._context.strategy, self._adapter.variables())
        variables = {f"v{i}": value for i, value in enumerate(values)}
        progress = self._context.runtime.progress
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, **{_PROGRESS: [progress.step, progress.rows]}, **variables)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            why = error.strerror or error
            raise NotWrittenError(f"the model's checkpoint cannot be written to {path}: {why}") from error
        return path.absolute().as_uri()
