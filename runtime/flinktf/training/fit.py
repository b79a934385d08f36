"""``flinktf.fit``: trains a compiled Keras model on a role's records, under any strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flinktf.training.dataset import FlinkDataset
from flinktf.training.errors import TrainingError
from flinktf.training.history import History

if TYPE_CHECKING:
    from flinktf.training.checkpoints import Checkpoints
    from flinktf.training.context import TFContext
    from flinktf.training.loops.run import Run


def fit(
    model: Any,
    dataset: FlinkDataset,
    *,
    epochs: int = 1,
    steps: int | None = None,
    validation: Any = None,
    callbacks: Sequence[Any] = (),
    checkpoint: bool | None = None,
    log: bool = True,
    context: TFContext | None = None,
) -> History:
    """Trains ``model``, a Keras 2 or Keras 3 model compiled in ``context.strategy.scope()``.

    Every worker (and chief) calls it; workers may have different numbers of records, also none. In an evaluator it
    evaluates what the chief saves until the job is done.

    - ``epochs``: passes over the records; later ones read a copy on local disk.
    - ``steps``: at most so many optimizer steps in all, those before a restored checkpoint included.
    - ``validation``: the held-out part of ``dataset.split(…)``, or arrays ``(x, y)``, evaluated after each epoch. In
      an evaluator None means the evaluator's own ``dataset``.
    - ``callbacks``: Keras callbacks; called at the begin and end of training and of epochs, not for batches.
    - ``checkpoint``: whether the chief saves the model after each epoch (what an evaluator reads); None: under
      ParameterServer only.
    - ``log``: print a line for each epoch.

    Raises :class:`flinktf.TrainingError` for a model that is not compiled or a model path that cannot be written, and
    what the records or the model raise.
    """
    from flinktf.training.checkpoints import Checkpoints
    from flinktf.training.context import TFContext
    from flinktf.training.export import check_writable
    from flinktf.training.loops.model import ModelAdapter
    from flinktf.training.loops.run import Run
    from flinktf.training.versions import Publisher

    context = context or TFContext.current()
    if not isinstance(dataset, FlinkDataset):
        raise TrainingError(f"fit takes a dataset of context.dataset(…), not {type(dataset).__name__}")
    if epochs < 1 or (steps is not None and steps < 1):
        raise ValueError(f"epochs is {epochs} and steps is {steps}; both count from 1")
    if context.is_chief and context.model_path:
        check_writable(context.model_path)
    task = context.runtime.task
    adapter = ModelAdapter(model)
    publisher = Publisher(context, model) if task.publish is not None and context.is_chief else None
    checkpoints = Checkpoints(context, adapter, publisher)
    saves = checkpoint if checkpoint is not None else task.strategy == "ParameterServer"
    run = Run(
        context,
        adapter,
        dataset,
        epochs,
        steps,
        validation,
        callbacks,
        log,
        after_epoch=(lambda n: checkpoints.save_epoch(n, run.position))
        if saves and context.is_chief
        else lambda _: None,
    )
    try:
        return _train(run, checkpoints)
    finally:
        if publisher is not None:
            publisher.finish()


def _train(run: Run, checkpoints: Checkpoints) -> History:
    from flinktf.training.loops import evaluator, mirrored, parameter_server, single

    context, task = run.context, run.context.runtime.task
    if task.role == "evaluator":
        return evaluator.watch(run, checkpoints)
    if task.strategy == "ParameterServer":
        return parameter_server.train(run, checkpoints)
    with context.strategy.scope():
        run.adapter.build(run.dataset.structure)
    run.resume(checkpoints, context.restored)
    if task.strategy == "MultiWorkerMirrored":
        return mirrored.train(run, checkpoints)
    return single.train(run, checkpoints)
