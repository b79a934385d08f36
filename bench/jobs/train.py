"""The training path's consumer: every batch of 256 rows goes through a compiled TensorFlow function."""

from __future__ import annotations

import json
import time
from pathlib import Path

import tensorflow as tf

import flinktf


@tf.function
def consume(batches: tf.data.Dataset) -> tuple[tf.Tensor, tf.Tensor]:
    """The sum of all values, and the time of the first batch in seconds of the epoch."""

    def touch(state: tuple[tf.Tensor, tf.Tensor], batch: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        total, first = state
        for column in tf.nest.flatten(batch):
            values = tf.strings.length(column) if column.dtype == tf.string else column
            total += tf.cast(tf.reduce_sum(values), tf.float64)
        return total, tf.where(first == 0.0, tf.timestamp(), first)

    return batches.reduce((tf.constant(0.0, tf.float64), tf.constant(0.0, tf.float64)), touch)


def main(context: flinktf.TFContext) -> None:
    rows = context.dataset(batch_size=256, lengths=context.parameters["lengths"])
    total, first = consume(rows.to_tf())
    result = {"rows": rows.rows, "total": float(total), "first": float(first), "last": time.time()}
    Path(context.parameters["result"]).write_text(json.dumps(result))
