"""``flinktf.export``: the trained model as a SavedModel that anyone can load and serve."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flinktf.training.checkpoints import Position
from flinktf.training.errors import TrainingError
from flinktf.training.versions import add

if TYPE_CHECKING:
    from flinktf.training.context import TFContext


def export(model: Any, path: str | None = None, *, context: TFContext | None = None) -> str | None:
    """Writes ``model`` as a SavedModel with its default serving signature to ``path``, or ``context.model_path``.

    All workers may call it: the chief writes and returns the path, the others return None. Under Independent every
    worker has a model of its own; worker 0's is written. What was at the path is replaced in one step; with
    ``spec.model.versions`` the model is the next version in ``context.model_path`` instead. A Keras 2 model loads with
    ``tf.keras.models.load_model``; beside a Keras 3 model there is a ``model.keras`` for that.

    Raises :class:`flinktf.TrainingError` when the path cannot be written.
    """
    from flinktf.training.context import TFContext

    context = context or TFContext.current()
    if not context.is_chief:
        return None
    target, publish = Path(path or context.model_path), context.runtime.task.publish if path is None else None
    check_writable(str(target))
    context.runtime.control.phase("saving")
    partial = target / f".partial-{os.getpid()}" if publish else target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        save(_detached(model, context), partial)
        if publish is not None:
            progress = context.runtime.progress
            position = context.runtime.trained or Position(progress.step, progress.rows)
            target = add(target, partial, context, None, position, publish.keep)
        else:
            _replace(partial, target)
    except OSError as error:
        raise TrainingError(f"the model cannot be written to {target}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    context.runtime.control.send("model", path=str(target))
    return str(target)


def check_writable(path: str) -> None:
    """Raises :class:`flinktf.TrainingError`, naming ``path``, when a model could not be written there."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
        if target.exists() and not target.is_dir():
            raise TrainingError(f"the model cannot be written to {target}: there is a file of that name")
    except OSError as error:
        raise TrainingError(f"the model cannot be written to {target}: {error}") from None


def _detached(model: Any, context: TFContext) -> Any:
    """The same model with plain variables: saving a distributed one needs all workers at once, or a ps that lives."""
    import tensorflow as tf

    from flinktf.training.loops.model import local_values, model_variables

    if context.strategy is tf.distribute.get_strategy():
        return model
    return rebuilt(model, local_values(context.strategy, model_variables(model)))


def rebuilt(model: Any, values: Sequence[Any]) -> Any:
    """Another model like ``model``, outside of its strategy; its variables, in order, get the first of ``values``.

    Raises :class:`flinktf.TrainingError` for a model that cannot be rebuilt.
    """
    from flinktf.training.loops.model import is_keras_3, model_variables

    if is_keras_3(model):
        from keras.models import clone_model
    else:
        from tf_keras.models import clone_model
    try:
        clone = clone_model(model)
        if not clone.built and model.built:
            clone.build(model.input_shape)
    except (ValueError, NotImplementedError, AttributeError) as error:
        raise TrainingError(
            f"{type(model).__name__} cannot be rebuilt outside its strategy to be saved ({error}); use a functional or "
            "sequential model, or give it get_config and from_config"
        ) from error
    for variable, value in zip(model_variables(clone), values, strict=False):
        variable.assign(value)
    return clone


def save(model: Any, path: Path) -> None:
    """Writes a model with plain variables to a new folder."""
    from flinktf.training.loops.model import is_keras_3

    if is_keras_3(model):
        model.export(str(path), verbose=False)
        model.save(str(path / "model.keras"))
    else:
        model.save(str(path), save_format="tf", include_optimizer=False)


def _replace(partial: Path, target: Path) -> None:
    """Puts the new directory in the old one's place; a reader finds the one or the other."""
    if not target.exists():
        partial.rename(target)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
