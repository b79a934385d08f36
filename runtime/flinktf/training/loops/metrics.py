"""The compiled metrics of a model, counted in this process and added up over processes where there are several.

The model's own metric objects live in the strategy's scope, where an update may be a collective. These are copies
outside of it: a worker without records updates nothing, and the sums stay exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from flinktf.arrow import Array
from flinktf.training.loops.model import ModelAdapter

Reduce = Callable[[Array], Array]
"""Adds up a float64 vector over all workers; each worker gets the sum."""


class Metrics:
    """Loss and metrics of one pass. Make it outside the strategy's scope, unless they are to live on a ps."""

    def __init__(self, adapter: ModelAdapter) -> None:
        self._container = _copy(adapter)
        self._loss = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._rows = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._built = False

    def build(self, y: Any, predictions: Any, w: Any) -> None:
        """Makes the metrics' variables from one (meaningless) batch."""
        if not self._built:
            self._built = True
            self.update(tf.constant(0.0), 0, y, predictions, w)
            self.reset()

    def update(self, loss: tf.Tensor, rows: Any, y: Any, predictions: Any, w: Any) -> None:
        """Counts one batch: its mean loss over ``rows`` rows, and the metrics. Usable in a graph."""
        self._loss.assign_add(tf.cast(loss, tf.float64) * tf.cast(rows, tf.float64))
        self._rows.assign_add(tf.cast(rows, tf.int64))
        if self._container is not None and y is not None:
            self._container.update_state(y, predictions, sample_weight=w)

    @property
    def running_loss(self) -> tf.Tensor:
        """The mean loss so far, as a tensor."""
        return self._loss / tf.cast(tf.maximum(self._rows, 1), tf.float64)

    @property
    def variables(self) -> list[tf.Variable]:
        own = [variable for metric in self._metrics for variable in metric.variables]
        return [self._loss, self._rows, *(v if isinstance(v, tf.Variable) else v.value for v in own)]

    @property
    def _metrics(self) -> list[Any]:
        return list(self._container.metrics) if self._container is not None else []

    def reset(self) -> None:
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))

    def result(self, reduce: Reduce | None = None) -> tuple[float, int, dict[str, float]]:
        """Mean loss, rows, and metrics by name; over all workers with ``reduce``. Resets them."""
        variables = self.variables
        if reduce is not None:
            flat = np.concatenate([np.asarray(v).astype(np.float64).ravel() for v in variables])
            total = reduce(flat)
            at = 0
            for variable in variables:
                size = int(np.prod(variable.shape))
                variable.assign(tf.cast(total[at : at + size].reshape(variable.shape), variable.dtype))
                at += size
        rows = int(self._rows)
        loss = float(self._loss) / rows if rows else float("nan")
        named = {metric.name: float(metric.result()) for metric in self._metrics} if rows else {}
        self.reset()
        return loss, rows, named


def _copy(adapter: ModelAdapter) -> Any:
    """A fresh container of the compiled metrics, or None when none were compiled."""
    compiled = adapter.model._compile_metrics if adapter.keras_3 else adapter.model.compiled_metrics
    if compiled is None:
        return None
    weighted = compiled._user_weighted_metrics
    metrics = compiled._user_metrics
    if not metrics and not weighted:
        return None
    return type(compiled)(_fresh(metrics), _fresh(weighted), output_names=getattr(adapter.model, "output_names", None))


def _fresh(metrics: Any) -> Any:
    if isinstance(metrics, dict):
        return {name: _fresh(metric) for name, metric in metrics.items()}
    if isinstance(metrics, list | tuple):
        return [_fresh(metric) for metric in metrics]
    if hasattr(metrics, "get_config") and hasattr(metrics, "update_state"):
        return type(metrics).from_config(metrics.get_config())
    return metrics
