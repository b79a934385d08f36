"""Models to be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def save(path: Path, factor: float) -> Path:
    """A model y = factor · x that refuses negative numbers, and gives NaN for 1e9."""
    import tensorflow as tf

    class Times(tf.Module):
        def __init__(self) -> None:
            self.factor = tf.Variable(factor)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def __call__(self, x: Any) -> Any:
            with tf.control_dependencies([tf.debugging.assert_non_negative(x, "negative numbers have no place")]):
                return {"y": tf.where(x == 1e9, float("nan"), self.factor * x)}

    module = Times()
    partial = path.with_name(f".{path.name}")
    tf.saved_model.save(module, str(partial), {"serving_default": module.__call__})
    partial.rename(path)
    return path
