"""Asynchronous training under ParameterServer: the chief schedules steps, workers run them on their own records.

A step is a graph that begins with the worker's feed (:mod:`flinktf.training.feed`) and ends with an update of the
variables on the ps. Its result tells the chief whose step it was, how many rows it had and whether that worker's
records are used up; an epoch is over when all workers' are. When all stand at a barrier, and no step is left from
before it, the model is saved, and it goes on.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import tensorflow as tf

from flinktf.protocol.hello import Restored
from flinktf.training import feed
from flinktf.training.checkpoints import Checkpoints
from flinktf.training.dataset import FlinkDataset
from flinktf.training.errors import ClusterError, TrainingError
from flinktf.training.history import Epoch, History
from flinktf.training.loops.evaluation import Evaluator
from flinktf.training.loops.metrics import Metrics
from flinktf.training.loops.model import as_tuple
from flinktf.training.loops.run import Run
from flinktf.training.options import DatasetOptions
from flinktf.training.strategies import connect_deadline
from flinktf.training.structure import Structure
from flinktf.training.subtask import NOTHING, Saved

_IN_FLIGHT = 4
"""Steps that wait or run, for each worker: enough that none is idle, few enough that a stop is heard soon."""
_AGAIN = 0.2


def train(run: Run, checkpoints: Checkpoints) -> History:
    """The chief's training. Raises :class:`TrainingError` when the workers' streams differ from one another."""
    if run.context.role != "chief":
        raise TrainingError(
            f"under ParameterServer the chief calls fit; this is {run.context.role} {run.context.index}"
        )
    loop = _Loop(run, checkpoints)
    run.begin()
    _epochs(run, loop)
    return run.end()


def _epochs(run: Run, loop: _Loop) -> None:
    options = run.dataset.options
    evaluate = _evaluation(run, loop)
    for number in range(run.epochs):
        if run.stopped:
            break
        started = run.begin_epoch(number)
        first_step = run.step
        rows = loop.train_epoch(options, number)
        loss, _, metrics = loop.metrics.result()
        run.context.runtime.control.phase("evaluating")
        validation = evaluate(number)
        seconds = time.monotonic() - started
        run.end_epoch(Epoch(number, rows, run.step - first_step, seconds, loss, metrics, validation))


def fetched(result: Any, patience: float) -> Any:
    """The result of a step, whichever worker has taken it in the end.

    A worker that dies between a step and the copy of its result fails both that wait for it: the coordinator, which has
    the step taken again, and this one. ``patience`` is in seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return result.fetch()
        except tf.errors.OpError as error:
            if not _is_of_worker(error) or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)


def _is_of_worker(error: tf.errors.OpError) -> bool:
    text = str(error)
    if "/job:ps/" in text or "/job:worker/" not in text:
        return False
    return isinstance(error, tf.errors.UnavailableError | tf.errors.AbortedError) or "remote_handle" in text


def _evaluation(run: Run, loop: _Loop) -> Any:
    """What evaluates after an epoch: workers their held-out rows, or the chief the arrays it was given."""
    if run.validation is None:
        return lambda number: {}
    if isinstance(run.validation, FlinkDataset):
        return lambda number: loop.evaluate(run.validation.options, number)
    evaluator = Evaluator(run, run.validation)
    return lambda number: evaluator.run()


class _Loop:
    def __init__(self, run: Run, checkpoints: Checkpoints) -> None:
        self._run = run
        self._checkpoints = checkpoints
        self._strategy = run.context.strategy
        self._workers = len(run.context.cluster.get("worker", []))
        self._patience = connect_deadline(run.context.runtime.task)
        self._structure, restored = self._describe()
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(self._strategy)
        with self._strategy.scope():
            run.adapter.build(self._structure)
            self.metrics = self._make_metrics()
            self._held_out = self._make_metrics()
        run.resume(checkpoints, restored)
        self._saved: tuple[int, Saved] | None = None
        request = tf.TensorSpec((), tf.string)
        self._train_step = tf.function(lambda r: self._step(r, self._train_batch), input_signature=[request])
        self._test_step = tf.function(lambda r: self._step(r, self._test_batch), input_signature=[request])

    def train_epoch(self, options: DatasetOptions, number: int) -> int:
        """One pass over all workers' records; returns how many rows it had."""
        total = loss_sum = 0
        keep = self._run.epochs > 1
        for rows, loss in self._results(self._train_step, options, number, keep=keep, limited=True):
            total += rows
            loss_sum += loss * rows
            self._run.advance(1, rows, loss_sum / total)
        return total

    def evaluate(self, options: DatasetOptions, number: int) -> dict[str, float]:
        """Loss and metrics over all workers' rows of ``options``."""
        for _ in self._results(self._test_step, options, number, keep=True, limited=False):
            pass
        loss, rows, metrics = self._held_out.result()
        return {"loss": loss, **metrics} if rows else {}

    def _results(self, step: Any, options: DatasetOptions, number: int, *, keep: bool, limited: bool) -> Any:
        """Runs steps until every worker's pass is over; yields rows and loss of those that had rows."""
        ended: set[int] = set()
        barriers: dict[int, int] = {}
        pending: deque[Any] = deque()
        argument = tf.constant(feed.batch_request(options, number, keep=keep, saved=self._saved))
        while True:
            at_barrier = len(ended) + len(barriers) == self._workers and bool(barriers)
            if at_barrier and not pending:
                self._save(barriers)
                argument = tf.constant(feed.batch_request(options, number, keep=keep, saved=self._saved))
                at_barrier = False
            if len(ended) < self._workers and not at_barrier and not (limited and self._run.stopped):
                most = _IN_FLIGHT * self._workers
                if limited and self._run.steps_left is not None:
                    most = min(most, self._run.steps_left)
                while len(pending) < most:
                    pending.append(self._coordinator.schedule(step, args=(argument,)))
            if not pending:
                return
            rows, over, worker, barrier, loss = (float(value) for value in fetched(pending.popleft(), self._patience))
            self._run.context.runtime.activity.moved()  # also where no worker has records
            if over:
                ended.add(int(worker))
            elif barrier:
                barriers[int(worker)] = int(barrier)
            if rows:
                barriers.pop(int(worker), None)
                yield int(rows), loss

    def _save(self, barriers: dict[int, int]) -> None:
        """Saves the model for the barrier at which all stand; where some stand at an older one, that is given up."""
        newest = max(barriers.values())
        saved = NOTHING
        if set(barriers.values()) == {newest}:
            self._run.context.runtime.control.phase("saving")
            saved = self._checkpoints.save_for(newest, self._run.position)
            self._run.context.runtime.control.phase("training")
        self._saved = newest, saved
        barriers.clear()

    def _describe(self) -> tuple[Structure, Restored | None]:
        """Asks every worker what its batches look like, and from which checkpoint it goes on.

        Raises :class:`TrainingError` when they do not agree, or one does not answer.
        """
        request = feed.describe_request(self._run.dataset.options)
        answers = [feed.described(self._ask(worker, request)) for worker in range(self._workers)]
        structures = [structure for structure, _ in answers]
        if any(structure != structures[0] for structure in structures):
            raise TrainingError(f"the workers' records differ from one another: {structures}")
        restored = [found for _, found in answers if found is not None]
        return structures[0], max(restored, key=lambda found: found.checkpoint_id, default=None)

    def _ask(self, worker: int, request: str) -> bytes:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                with tf.device(f"/job:worker/replica:0/task:{worker}/device:CPU:0"):
                    answer: bytes = feed.call(tf.constant(request), ["string"])[0].numpy()
                return answer
            except tf.errors.UnavailableError as error:
                if time.monotonic() > deadline:
                    raise ClusterError(f"worker {worker} does not answer: {error.message}") from error
                time.sleep(0.5)

    def _make_metrics(self) -> Metrics:
        metrics = Metrics(self._run.adapter)
        x, y, w = as_tuple(self._structure.pack([tf.constant(a) for a in self._structure.zeros(1)]))
        metrics.build(y, self._run.adapter.model(x, training=False), w)
        return metrics

    def _step(self, request: tf.Tensor, on_batch: Any) -> tf.Tensor:
        """Runs on a worker: ``[rows, pass over, worker, barrier, loss]``."""
        specs = self._structure.component_specs()
        header, *flat = feed.call(request, ["int64", *(dtype for dtype, _ in specs)])
        header.set_shape((feed.HEADER,))
        for tensor, (_, shape) in zip(flat, specs, strict=True):
            tensor.set_shape(shape)
        loss = tf.constant(0.0)
        if header[0] > 0:
            loss = self._strategy.run(on_batch, args=(flat, header[0]))
        return tf.concat([tf.cast(header, tf.float64), [tf.cast(loss, tf.float64)]], 0)

    def _train_batch(self, flat: list[tf.Tensor], rows: tf.Tensor) -> tf.Tensor:
        x, y, w = as_tuple(self._structure.pack(flat))
        loss, gradients, predictions = self._run.adapter.gradients(x, y, w)
        self._run.adapter.apply(gradients)
        self.metrics.update(loss, rows, y, predictions, w)
        return loss

    def _test_batch(self, flat: list[tf.Tensor], rows: tf.Tensor) -> tf.Tensor:
        x, y, w = as_tuple(self._structure.pack(flat))
        loss, predictions = self._run.adapter.loss(x, y, w, training=False)
        self._held_out.update(loss, rows, y, predictions, w)
        return loss
