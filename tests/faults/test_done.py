"""A role that is done, in a Flink job that is not: what Flink begins again with the rest of it has nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.running import Running
from integration.harness import job_folder

# Two jobs' time on a machine with other work: a slow moment is no failure.
pytestmark = pytest.mark.timeout(900)

TRAIN = """
    import tensorflow as tf, flinktf

    def main(context):
        rows = context.dataset(label="y", batch_size=16, as_matrix=True)
        with context.strategy.scope():
            model = tf.keras.Sequential([tf.keras.layers.Input((1,)), tf.keras.layers.Dense(1)])
            model.compile("sgd", "mse")
        flinktf.fit(model, rows, steps=20)
"""
SQL = """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '30000', 'rows-per-second' = '1000',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '29999');
    CREATE TABLE training (x FLOAT, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT CAST(id AS FLOAT) / 30000, CAST(1 AS FLOAT) FROM numbers;
"""


@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", pytest.param("Independent", marks=pytest.mark.long)])
def test_a_task_manager_is_lost_after_training(tmp_path: Path, strategy: str) -> None:
    job = job_folder(tmp_path, TRAIN, sql=SQL, workers=2, strategy=strategy, checkpoint={"interval": "1s"})
    with Running(job) as run:
        run.until(lambda status: status["phase"] == "Succeeded", "the end of training")
        run.process("taskmanager-worker-0").kill()
        run.until(
            lambda status: any(event["message"] == "nothing is left to do" for event in status["events"]),
            "the next try",
        )
        assert run.end() == 0, run.output
