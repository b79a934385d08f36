"""``fit`` in an evaluator: evaluates what the chief saves, until the job is done."""

from __future__ import annotations

import time

from flinktf.training.checkpoints import Checkpoints
from flinktf.training.errors import TrainingError
from flinktf.training.history import Epoch, History
from flinktf.training.loops.evaluation import Evaluator
from flinktf.training.loops.run import Run

_POLL_SECONDS = 0.5


def watch(run: Run, checkpoints: Checkpoints) -> History:
    """Reports ``eval_…`` metrics for each new epoch; when told to stop, for the last one too, and returns.

    Without ``validation`` the evaluator's own records are evaluated. Epochs that follow one another faster than they
    can be evaluated are skipped, the newest one never.
    """
    validation = run.validation
    own = validation is None or (hasattr(validation, "fed") and not validation.fed)
    if own and not run.dataset.fed:
        raise TrainingError(
            "this evaluator has no records: let a Flink sink write to the role evaluator, or give arrays as validation"
        )
    if run.dataset.fed:
        run.adapter.build(run.dataset.structure)
    else:
        run.adapter.build_optimizer()
    evaluator = Evaluator(run, run.dataset if own else validation)
    control = run.context.runtime.control
    control.phase("evaluating")
    seen = -1
    while True:
        stopping = run.context.should_stop
        saved = checkpoints.epochs()
        newest = max(saved, default=-1)
        if newest > seen:
            started = time.monotonic()
            try:
                checkpoints.restore(str(saved[newest]))
            except TrainingError:
                if saved[newest].exists():
                    raise
                continue  # two newer ones are there since
            numbers = evaluator.run()
            seen = newest
            _report(run, newest, numbers, time.monotonic() - started)
        elif stopping:
            return run.history
        else:
            with run.context.runtime.activity.waiting("peers"):
                control.stop.wait(_POLL_SECONDS)


def _report(run: Run, number: int, numbers: dict[str, float], seconds: float) -> None:
    loss = numbers.get("loss", float("nan"))
    metrics = {name: value for name, value in numbers.items() if name != "loss"}
    run.history.epochs.append(Epoch(number, run.context.runtime.rows, 0, seconds, loss, metrics))
    run.context.report(number + 1, run.context.runtime.rows, **{f"eval_{name}": v for name, v in numbers.items()})
    run.context.runtime.progress.flush()
    if run.log:
        text = "  ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        print(f"evaluation of epoch {number + 1}  {text}", flush=True)
