"""A model's variables as one file: written whole or not at all, and read back in another process.

The file is numpy's ``.npz``: the steps and rows behind the model, and its variables in the model's order, which is the
same wherever the same code builds the model, whatever the strategy. It needs no collective to write, so that the chief
can do it alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from flinktf.training.columns import Array
from flinktf.training.errors import TrainingError

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

    def save_for(self, checkpoint_id: int) -> str | None:
        """Saves the model for a Flink checkpoint and returns its URL; None where another role does it."""
        path = self.path_for(checkpoint_id)
        return self._write(path) if path is not None else None

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
            partial.unlink(missing_ok=True)
            raise TrainingError(f"the model's checkpoint cannot be written to {path}: {error}") from error
        return path.absolute().as_uri()
