"""A model's loss and metrics over held-out records, computed in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from flinktf.training.dataset import FlinkDataset
from flinktf.training.loops.metrics import Metrics, Reduce
from flinktf.training.loops.model import as_tuple
from flinktf.training.loops.run import Run
from flinktf.training.records import Marker
from flinktf.training.structure import components
from flinktf.training.subtask import NOTHING

_ARRAY_BATCH = 1024


class Evaluator:
    """Evaluates ``validation``: a FlinkDataset, or arrays ``(x, y)`` or ``(x, y, w)``."""

    def __init__(self, run: Run, validation: Any) -> None:
        self._adapter = run.adapter
        self._strategy = run.context.strategy
        self._moved = run.context.runtime.activity.moved
        self._validation = validation
        self._metrics = Metrics(run.adapter)
        self._forward = tf.function(self._predict, reduce_retracing=True)
        self._count = tf.function(self._metrics.update, reduce_retracing=True)

    def run(self, reduce: Reduce | None = None) -> dict[str, float]:
        """``loss`` and the metrics; over all workers' held-out rows with ``reduce``. Without rows: empty."""
        for batch in self._batches():
            x, y, w = as_tuple(batch)
            loss, predictions = self._forward(x, y, w)
            self._metrics.build(y, predictions, w)
            self._count(loss, tf.shape(tf.nest.flatten(predictions)[0], tf.int64)[0], y, predictions, w)
            self._moved()
        if reduce is not None:
            self._build_without_rows()
        loss, rows, metrics = self._metrics.result(reduce)
        return {"loss": loss, **metrics} if rows else {}

    def _predict(self, x: Any, y: Any, w: Any) -> Any:
        results = self._strategy.run(lambda *a: self._adapter.loss(*a, training=False), args=(x, y, w))
        return tf.nest.map_structure(lambda value: self._strategy.experimental_local_results(value)[0], results)

    def _build_without_rows(self) -> None:
        """A worker whose share has no held-out row must still have as many numbers to add up as the others."""
        if isinstance(self._validation, FlinkDataset):
            x, y, w = as_tuple(
                self._validation.structure.pack([tf.constant(a) for a in self._validation.structure.zeros(1)])
            )
            _, predictions = self._forward(x, y, w)
            self._metrics.build(y, predictions, w)

    def _batches(self) -> Iterator[Any]:
        if isinstance(self._validation, FlinkDataset):
            for item in self._validation.blocks(keep=True):
                if isinstance(item, Marker):
                    self._validation.answer(item, NOTHING)
                    continue
                for step in range(item.steps):
                    arrays = components(item.take(step, 1).parts)
                    yield self._validation.structure.pack([tf.constant(array) for array in arrays])
            return
        arrays = tf.nest.map_structure(np.asarray, tuple(self._validation))
        rows = len(tf.nest.flatten(arrays)[0])
        for start in range(0, rows, _ARRAY_BATCH):
            yield tf.nest.map_structure(lambda a, at=start: tf.constant(a[at : at + _ARRAY_BATCH]), arrays)
