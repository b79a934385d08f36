"""Synchronous training under MultiWorkerMirrored with workers that have different numbers of records.

Each step is a collective: a worker that stays away stops all of them. So the workers agree before they step, and one
that has no batch steps along with weight zero. A worker's gradient counts by its share of the step's rows: the sum is
the gradient of the mean over all rows, however they are distributed.

Everything with a collective in it is traced once, with open shapes: TensorFlow numbers collectives while it traces,
and a worker that traced again for a smaller last batch would wait for the others under another number.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from flinktf.arrow import Array
from flinktf.training.batches import Block
from flinktf.training.checkpoints import Checkpoints
from flinktf.training.errors import TrainingError
from flinktf.training.history import Epoch, History
from flinktf.training.loops.agreement import (
    AT_BARRIER,
    AT_END,
    HAS_BATCHES,
    WIDTH,
    EndEpoch,
    Offer,
    Save,
    Train,
    decide,
    table,
)
from flinktf.training.loops.evaluation import Evaluator
from flinktf.training.loops.metrics import Metrics
from flinktf.training.loops.model import as_tuple, scaled
from flinktf.training.loops.run import Run
from flinktf.training.records import Marker
from flinktf.training.structure import components
from flinktf.training.subtask import OVERTAKEN, Saved

_LOOK_AHEAD = 32
"""Steps that are agreed on at once, at most: a worker that is asked to stop waits for them."""


def train(run: Run, checkpoints: Checkpoints) -> History:
    """Trains with all workers; returns when none has records left, on all of them with the same history."""
    loop = _Loop(run, checkpoints)
    loop.require_one_model()
    run.begin()
    evaluator = None
    if run.validation is not None:
        evaluator = Evaluator(run, run.validation)
    for number in range(run.epochs):
        started = run.begin_epoch(number)
        first_step = run.step
        stopped = loop.epoch(number)
        loss, rows, metrics = loop.metrics.result(loop.add_up)
        validation = {}
        if evaluator is not None:
            run.context.runtime.control.phase("evaluating")
            validation = evaluator.run(loop.add_up)
        seconds = time.monotonic() - started
        run.end_epoch(Epoch(number, rows, run.step - first_step, seconds, loss, metrics, validation))
        if stopped:
            break
    return run.end()


class _Loop:
    def __init__(self, run: Run, checkpoints: Checkpoints) -> None:
        self._run = run
        self._checkpoints = checkpoints
        self._strategy = run.context.strategy
        self._structure = run.dataset.structure
        task = run.context.runtime.task
        chiefs = len(task.cluster.get("chief", []))
        self._workers = chiefs + len(task.cluster.get("worker", []))
        self._worker = task.index + (chiefs if task.role == "worker" else 0)
        self._replicas = self._strategy.num_replicas_in_sync // self._workers
        if self._replicas != 1:
            raise TrainingError(
                f"this worker has {self._replicas} devices; fit trains on one device a worker: run more workers, or "
                "set CUDA_VISIBLE_DEVICES in tensorflow.env"
            )
        specs = [tf.TensorSpec(shape, dtype) for dtype, shape in self._structure.component_specs()]
        self._step = tf.function(self._distributed_step, input_signature=[specs, tf.TensorSpec((), tf.float32)])
        self._count = tf.function(self._count_batch, input_signature=self._count_signature(specs))
        self._exchange = tf.function(
            self._all_reduce, input_signature=[tf.TensorSpec((self._workers, WIDTH), tf.int64)]
        )
        self._sum = tf.function(self._all_reduce, input_signature=[tf.TensorSpec((None,), tf.float64)])
        self._idle = self._structure.zeros(1)

    def _count_signature(self, specs: list[tf.TensorSpec]) -> list[Any]:
        """Also makes the metrics' variables, from an empty forward pass outside of any collective."""
        self.metrics = Metrics(self._run.adapter)
        x, y, w = as_tuple(self._structure.pack([tf.constant(a) for a in self._structure.zeros(1)]))
        with self._strategy.scope():
            predictions = self._run.adapter.model(x, training=False)
        self.metrics.build(y, predictions, w)
        open_shapes = tf.nest.map_structure(lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), predictions)
        return [specs, open_shapes, tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.int64)]

    def require_one_model(self) -> None:
        """Raises :class:`TrainingError` when the workers do not begin at the same step: their models would differ."""
        steps = np.zeros(self._workers)
        steps[self._worker] = self._run.step
        found = self.add_up(steps)
        if len(set(found)) > 1:
            raise TrainingError(
                f"the workers have restored models of different steps: {[int(step) for step in found]}; begin from "
                "another checkpoint"
            )

    def epoch(self, number: int) -> bool:
        """One pass over all workers' records; True when training was stopped in it."""
        items = self._run.dataset.blocks(number, keep=self._run.epochs > 1, flush_at_marker=True)
        item: Block | Marker | None = next(items, None)
        while True:
            offers = self._agree(self._offer(item))
            decision = decide(offers)
            if isinstance(decision, Train):
                item = self._train(item, decision, items)
            elif isinstance(decision, Save):
                item = self._save(item, decision, items)
            else:
                assert isinstance(decision, EndEpoch)
                return decision.stopped

    def add_up(self, vector: Array) -> Array:
        """The sum of a float64 vector over all workers."""
        total: Array = self._sum(vector).numpy()
        return total

    def _offer(self, item: Block | Marker | None) -> Offer:
        stop = int(self._run.stopped)
        if item is None:
            return Offer(AT_END, stop=stop)
        if isinstance(item, Marker):
            return Offer(AT_BARRIER, checkpoint=item.checkpoint_id, stop=stop)
        most = _LOOK_AHEAD if self._run.steps_left is None else min(_LOOK_AHEAD, self._run.steps_left)
        return Offer(HAS_BATCHES, min(item.steps, most), item.size, stop=stop)

    def _agree(self, offer: Offer) -> list[Offer]:
        with self._run.context.runtime.activity.waiting("peers"):
            lines = self._exchange(table(self._worker, self._workers, offer)).numpy()
        return [Offer(*(int(value) for value in line)) for line in lines]

    def _train(
        self, item: Block | Marker | None, decision: Train, items: Iterator[Block | Marker]
    ) -> Block | Marker | None:
        block = item if isinstance(item, Block) else None
        loss: Any = self.metrics.running_loss
        for step in range(decision.steps):
            if block is None:
                self._step(self._idle, 0.0)
                continue
            flat = components(block.take(step, 1).parts)
            loss, predictions = self._step(flat, block.size / decision.rows)
            self._count(flat, predictions, loss, block.size)
        self._run.advance(decision.steps, decision.steps * decision.rows, self.metrics.running_loss)
        if block is None:
            return item
        if decision.steps == block.steps:
            self._idle = components(block.take(0, 1).parts)
            return next(items, None)
        return block.take(decision.steps, block.steps - decision.steps)

    def _save(
        self, item: Block | Marker | None, decision: Save, items: Iterator[Block | Marker]
    ) -> Block | Marker | None:
        """The chief saves; the barrier is answered when all know whether the file is there."""
        self._run.context.runtime.control.phase("saving")
        mine = self._checkpoints.save_for(decision.checkpoint, self._run.position)
        failures = self.add_up(np.array([float(mine.error is not None)]))[0]
        self._run.context.runtime.control.phase("training")
        if not isinstance(item, Marker):
            return item
        saved = Saved(self._checkpoints.shared_location(item.checkpoint_id))
        if failures:
            saved = Saved(error=mine.error or "the chief could not save the model")
        if item.checkpoint_id != decision.checkpoint:
            saved = OVERTAKEN
        self._run.dataset.answer(item, saved)
        return next(items, None)

    def _distributed_step(self, flat: list[tf.Tensor], scale: tf.Tensor) -> Any:
        def replica(flat: list[tf.Tensor], scale: tf.Tensor) -> Any:
            x, y, w = as_tuple(self._structure.pack(flat))
            loss, gradients, predictions = self._run.adapter.gradients(x, y, w)
            self._run.adapter.apply(scaled(gradients, scale))
            return loss, predictions

        results = self._strategy.run(replica, args=(flat, scale))
        return tf.nest.map_structure(lambda value: self._strategy.experimental_local_results(value)[0], results)

    def _count_batch(self, flat: list[tf.Tensor], predictions: Any, loss: tf.Tensor, rows: tf.Tensor) -> None:
        _, y, w = as_tuple(self._structure.pack(flat))
        self.metrics.update(loss, rows, y, predictions, w)

    def _all_reduce(self, values: tf.Tensor) -> Any:
        def replica(values: tf.Tensor) -> Any:
            here = tf.identity(values)  # an argument has no device, and a reduction wants to know its own
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)

        return self._strategy.experimental_local_results(self._strategy.run(replica, args=(values,)))[0]
