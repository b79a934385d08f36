"""The models that are measured, and how fast TensorFlow alone is on the batches that they get. Runs in a process apart:

``python -m bench.inference.models FOLDER`` writes both; with ``--direct NAME`` it prints rows a second.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

WIDTHS: Final = {"small": (64,), "heavy": (1024, 1024)}
BATCH: Final = {"small": 32_768, "heavy": 8_192}
"""Rows of a request, where all that matters is how many rows a second there are."""
_SECONDS: Final = 5.0


def write(folder: Path) -> None:
    import tensorflow as tf
    import tf_keras

    for name, widths in WIDTHS.items():
        layers = [tf_keras.layers.Dense(width, activation="relu") for width in widths]
        model = tf_keras.Sequential([tf_keras.Input((10,)), *layers, tf_keras.layers.Dense(1)])
        tf.saved_model.save(model, str(folder / name))
        model.save(str(folder / f"{name}.h5"))


def direct(path: Path) -> float:
    """Rows a second through the signature, in batches that are in memory already."""
    import numpy as np
    import tensorflow as tf

    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    batch = np.random.default_rng(0).random((BATCH[path.name], 10), np.float32)
    for _ in range(3):
        serve(**{name: tf.constant(batch)})
    started, rows = time.monotonic(), 0
    while time.monotonic() - started < _SECONDS:
        (found,) = serve(**{name: tf.constant(batch)}).values()
        found.numpy()
        rows += len(batch)
    return rows / (time.monotonic() - started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--direct", choices=WIDTHS)
    arguments = parser.parse_args()
    if arguments.direct:
        print(direct(arguments.folder / arguments.direct))
    else:
        write(arguments.folder)
