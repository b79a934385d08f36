"""What every training loop is given and keeps: the request of ``fit`` and its progress through the epochs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flinktf.training.checkpoints import Position
from flinktf.training.history import Epoch, History
from flinktf.training.loops.model import ModelAdapter

if TYPE_CHECKING:
    from flinktf.protocol.hello import Restored
    from flinktf.training.checkpoints import Checkpoints
    from flinktf.training.context import TFContext
    from flinktf.training.dataset import FlinkDataset


@dataclass
class Run:
    """One call of ``fit``. ``steps`` bounds the optimizer steps of the whole run; ``after_epoch`` saves the model.

    ``step`` and ``rows`` are how far training is, over all epochs and workers, what was restored included.
    """

    context: TFContext
    adapter: ModelAdapter
    dataset: FlinkDataset
    epochs: int
    steps: int | None
    validation: Any
    callbacks: Sequence[Any]
    log: bool
    after_epoch: Callable[[int], None]
    history: History = field(default_factory=History)
    step: int = 0
    rows: int = 0

    @property
    def position(self) -> Position:
        return Position(self.step, self.rows)

    @property
    def steps_left(self) -> int | None:
        return None if self.steps is None else max(0, self.steps - self.step)

    @property
    def stopped(self) -> bool:
        """Whether training is to end before its epochs are over."""
        wanted = bool(getattr(self.adapter.model, "stop_training", False))
        return wanted or self.steps_left == 0 or self.context.should_stop

    def resume(self, checkpoints: Checkpoints, restored: Restored | None) -> None:
        """Goes on from the model that belongs to the Flink checkpoint that was restored, if it has one."""
        if restored is not None and restored.location is not None:
            self.step, self.rows = checkpoints.restore(restored.location)
            self.context.notice(f"goes on at step {self.step} with the model of checkpoint {restored.checkpoint_id}")
            self._report()

    def begin(self) -> None:
        self.adapter.model.stop_training = False
        for callback in self.callbacks:
            callback.set_model(self.adapter.model)
            callback.on_train_begin({})

    def begin_epoch(self, number: int) -> float:
        """Returns the time at which the epoch began, for :meth:`end_epoch`."""
        self.context.runtime.control.phase("training")
        for callback in self.callbacks:
            callback.on_epoch_begin(number, {})
        return time.monotonic()

    def advance(self, steps: int, rows: int, loss: Any) -> None:
        """Reports ``steps`` more steps over ``rows`` rows; ``loss`` may be a tensor."""
        self.step += steps
        self.rows += rows
        self._report(loss=loss)

    def end_epoch(self, epoch: Epoch) -> None:
        self.history.epochs.append(epoch)
        self._report(epoch=epoch.number, **epoch.logs)
        self.context.runtime.progress.flush()
        if self.log:
            numbers = "  ".join(f"{name} {value:.4f}" for name, value in epoch.logs.items())
            print(
                f"epoch {epoch.number + 1}/{self.epochs}  {epoch.rows} rows  {epoch.steps} steps  "
                f"{epoch.seconds:.1f} s  {numbers}",
                flush=True,
            )
        for callback in self.callbacks:
            callback.on_epoch_end(epoch.number, epoch.logs)
        self.after_epoch(epoch.number)

    def _report(self, **metrics: Any) -> None:
        """Rows are those that this role has read, each once; those of the workers where it reads none itself."""
        fed = self.context.runtime.recording is not None
        self.context.report(self.step, self.context.runtime.rows if fed else self.rows, **metrics)

    def end(self) -> History:
        for callback in self.callbacks:
            callback.on_train_end({})
        self.context.runtime.trained = self.position
        return self.history
