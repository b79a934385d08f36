"""The rate of a training loop at full speed, with checkpoints and without."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, Final

from faults.running import Running
from integration.harness import job_folder

GOAL: Final = 5.0
"""Per cent that a checkpoint every 10 s may cost."""

_WARM_UP: Final = 15.0
_TRAIN: Final = """
    import tensorflow as tf

    import flinktf


    def main(context):
        rows = context.dataset(label="y", batch_size=256, as_matrix=True)
        model = tf.keras.Sequential(
            [tf.keras.layers.Input((10,)), tf.keras.layers.Dense(256, "relu"), tf.keras.layers.Dense(1)])
        model.compile("adam", "mse")
        flinktf.fit(model, rows)
"""
_SQL: Final = """
    CREATE TABLE generated (n BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'rows-per-second' = '100000000', 'fields.n.min' = '0', 'fields.n.max' = '1000');
    CREATE TABLE training ({columns}, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT {values}, CAST(1 AS FLOAT) FROM generated;
"""


def rate(interval: str | None, seconds: float) -> float:
    """Rows a second over ``seconds``, after a while for everything to have become warm."""
    sql = _SQL.format(
        columns=", ".join(f"f{i} FLOAT" for i in range(10)),
        values=", ".join(f"CAST(n + {i} AS FLOAT)" for i in range(10)),
    )
    spec: dict[str, object] = {} if interval is None else {"checkpoint": {"interval": interval}}
    with tempfile.TemporaryDirectory() as folder, Running(job_folder(Path(folder), _TRAIN, sql=sql, **spec)) as run:
        run.until(lambda status: _rows(status)[0] > 0, "the first rows")
        time.sleep(_WARM_UP)
        first, began = _rows(run.status())
        time.sleep(seconds)
        last, ended = _rows(run.status())
        return (last - first) / (ended - began)


def _rows(status: dict[str, Any]) -> tuple[int, float]:
    """How many, and when that was told."""
    (worker,) = status["roles"]
    return int(worker["rows"]), time.monotonic() - worker["lastHeartbeat"]
