"""Records that cannot become tensors: the role fails, or sets them aside, counts them, and trains on the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration.harness import JobFolder, job_folder

TRAIN = """
    import json, tensorflow as tf, flinktf

    def main(context):
        rows = context.dataset(label="y", batch_size=16, as_matrix=True, skip_bad={skip_bad})
        with context.strategy.scope():
            model = tf.keras.Sequential([tf.keras.layers.Input((1,)), tf.keras.layers.Dense(1)])
            model.compile("sgd", "mse")
        history = flinktf.fit(model, rows, epochs=2)
        json.dump([epoch.rows for epoch in history.epochs], open(f"rows-{{context.index}}.json", "w"))
"""
SQL = """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '5000',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '4999');
    CREATE TABLE training (x FLOAT, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT CASE WHEN MOD(id, 1000) = 7 THEN CAST(NULL AS FLOAT) ELSE CAST(id AS FLOAT) / 5000 END,
        CAST(id AS FLOAT) FROM numbers;
"""


def _job(folder: Path, strategy: str, skip_bad: int) -> JobFolder:
    return job_folder(folder, TRAIN.format(skip_bad=skip_bad), sql=SQL, workers=2, strategy=strategy)


@pytest.mark.parametrize("strategy", ["MultiWorkerMirrored", pytest.param("Independent", marks=pytest.mark.long)])
def test_they_are_set_aside_and_counted(tmp_path: Path, strategy: str) -> None:
    run = _job(tmp_path, strategy, skip_bad=5).run()
    assert run.code == 0, run.output
    files = sorted((tmp_path / "bad-records").iterdir())
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert sorted(line["record"]["y"] for line in lines) == [7, 1007, 2007, 3007, 4007]
    assert all("column 'x' is NULL in row" in line["why"] for line in lines)
    rows = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("rows-*.json"))]
    trained = rows[0] if strategy == "MultiWorkerMirrored" else [sum(epoch) for epoch in zip(*rows, strict=True)]
    assert trained == [4995, 4995]
    assert "bad_records" in run.output
    assert "record set aside in" in run.output


def test_one_too_many_fails_the_job(tmp_path: Path) -> None:
    run = _job(tmp_path, "Independent", skip_bad=1).run()
    assert run.code == 1
    assert "NullValueError" in run.output
    assert "RESTARTING" not in run.output  # the record would come again
    assert "1 records had been set aside before, as skip_bad= allows" in run.output
