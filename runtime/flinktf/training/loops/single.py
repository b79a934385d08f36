"""Training in one process: Independent workers, and whatever has TensorFlow's default strategy.

As many batches as one Arrow batch has are trained on in one call into TensorFlow: for small models the way from
Python into a graph costs more than the step.
"""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from flinktf.training.batches import Block
from flinktf.training.checkpoints import Checkpoints
from flinktf.training.history import Epoch, History
from flinktf.training.loops.evaluation import Evaluator
from flinktf.training.loops.metrics import Metrics
from flinktf.training.loops.model import as_tuple
from flinktf.training.loops.run import Run
from flinktf.training.records import Marker
from flinktf.training.structure import components

_CALL_SECONDS = 0.1
"""A call into TensorFlow should not take longer: between calls the loop hears of a stop, and tells its progress."""


def train(run: Run, checkpoints: Checkpoints) -> History:
    """Trains on this process's own records."""
    loop = _Loop(run, checkpoints)
    run.begin()
    evaluator = None
    if run.validation is not None:
        evaluator = Evaluator(run, run.validation)
    for number in range(run.epochs):
        if run.stopped:
            break
        started = run.begin_epoch(number)
        first_step = run.step
        loop.epoch(number)
        loss, rows, metrics = loop.metrics.result()
        validation = {}
        if evaluator is not None:
            run.context.runtime.control.phase("evaluating")
            validation = evaluator.run()
        seconds = time.monotonic() - started
        run.end_epoch(Epoch(number, rows, run.step - first_step, seconds, loss, metrics, validation))
    return run.end()


class _Loop:
    def __init__(self, run: Run, checkpoints: Checkpoints) -> None:
        self.metrics = Metrics(run.adapter)
        self._run = run
        self._checkpoints = checkpoints
        self._structure = run.dataset.structure
        self._most = 1
        specs = [tf.TensorSpec(shape, dtype) for dtype, shape in self._structure.component_specs()]
        scalar = tf.TensorSpec((), tf.int32)
        self._train = tf.function(self._steps, input_signature=[specs, scalar, scalar])
        x, y, w = as_tuple(self._structure.pack([tf.constant(a) for a in self._structure.zeros(1)]))
        self.metrics.build(y, run.adapter.model(x, training=False), w)

    def epoch(self, number: int) -> None:
        run = self._run
        for item in run.dataset.blocks(number, keep=run.epochs > 1, flush_at_marker=True):
            if isinstance(item, Marker):
                run.dataset.answer(item, self._checkpoints.save_for(item.checkpoint_id, run.position))
                continue
            at = 0
            while at < item.steps and not run.stopped:
                steps = min(self._most, item.steps - at)
                if run.steps_left is not None:
                    steps = min(steps, run.steps_left)
                self._call(item.take(at, steps))
                at += steps
            if run.stopped:
                return

    def _call(self, block: Block) -> None:
        started = time.monotonic()
        loss = self._train(components(block.parts), block.steps, block.size)
        if time.monotonic() - started < _CALL_SECONDS / 4:
            self._most = min(self._most * 2, 4096)
        elif time.monotonic() - started > _CALL_SECONDS:
            self._most = max(1, self._most // 2)
        self._run.advance(block.steps, block.rows, loss)

    def _steps(self, flat: list[tf.Tensor], steps: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        if self._structure.ragged:
            self._step(flat, size)
        else:
            for step in tf.range(steps):
                self._step([tensor[step * size : (step + 1) * size] for tensor in flat], size)
        return self.metrics.running_loss

    def _step(self, flat: list[tf.Tensor], size: Any) -> None:
        x, y, w = as_tuple(self._structure.pack(flat))
        loss, gradients, predictions = self._run.adapter.gradients(x, y, w)
        self._run.adapter.apply(gradients)
        self.metrics.update(loss, size, y, predictions, w)
