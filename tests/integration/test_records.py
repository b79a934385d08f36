"""Records on their way from a Flink query into TensorFlow: each one exactly once, whatever its size and type."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from integration.harness import job_folder

ROWS = 1_000_000

EVERY_TYPE = """
    CREATE TABLE numbers (id BIGINT NOT NULL, noise INT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '{rows}', 'rows-per-second' = '10000000',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{last}');
    CREATE TABLE training (
        id BIGINT NOT NULL, noise INT, f FLOAT, d DOUBLE, i INT, t TINYINT, s SMALLINT, b BOOLEAN, words STRING,
        octets BYTES, price DECIMAL(12, 2), moment TIMESTAMP(6), dense ARRAY<FLOAT>, ragged ARRAY<BIGINT>
    ) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT
        id, noise, CAST(MOD(id, 1024) AS FLOAT) / 8, CAST(id AS DOUBLE) / 4, CAST(MOD(id, 100000) AS INT) - 50000,
        CAST(MOD(id, 100) AS TINYINT), CAST(MOD(id, 30000) AS SMALLINT), MOD(id, 3) = 0,
        REPEAT('x', CAST(MOD(id, 61) AS INT)), CAST(CAST(id AS STRING) AS BYTES),
        CAST(MOD(id, 1000) AS DECIMAL(12, 2)) / 4,
        TIMESTAMPADD(SECOND, CAST(id AS INT), TIMESTAMP '1970-01-01 00:00:00'),
        ARRAY[CAST(MOD(id, 7) AS FLOAT), CAST(MOD(id, 11) AS FLOAT)],
        CASE WHEN MOD(id, 4) = 0 THEN ARRAY[id] WHEN MOD(id, 4) = 1 THEN ARRAY[id, id + 1] ELSE ARRAY[id, id, id] END
    FROM numbers;
"""

CHECK_EVERY_ROW = """
    import json, numpy as np, psutil

    def main(context):
        ids, sizes, peak = [], [], 0
        for x in context.dataset(batch_size=1000, lengths={"dense": 2}).batches():
            n = x["id"].astype(np.int64)
            ids.append(n)
            sizes.append(len(n))
            assert (x["f"] == (n % 1024).astype(np.float32) / 8).all()
            assert (x["d"] == n / 4).all()
            assert (x["i"] == n % 100000 - 50000).all()
            assert (x["t"] == n % 100).all() and (x["s"] == n % 30000).all() and (x["b"] == (n % 3 == 0)).all()
            assert [len(t) for t in x["words"]] == list(n % 61)
            assert [int(r) for r in x["octets"]] == list(n)
            assert (x["price"] == (n % 1000) / 4).all()
            assert (x["moment"] == n * 1_000_000).all()
            assert (x["dense"] == np.stack([n % 7, n % 11], 1)).all()
            values, splits = ragged(x["ragged"])
            lengths = np.where(n % 4 == 0, 1, np.where(n % 4 == 1, 2, 3))
            assert (np.diff(splits) == lengths).all()
            assert (values[splits[:-1]] == n).all() and values.sum() == (n * lengths).sum() + (n % 4 == 1).sum()
            peak = max(peak, psutil.Process().memory_info().rss)
        np.save(f"ids-{context.index}.npy", np.concatenate(ids))
        json.dump({"sizes": sizes, "peak": peak}, open(f"seen-{context.index}.json", "w"))

    def ragged(value):
        return np.asarray(value.values), np.asarray(value.row_splits)
"""


def test_a_million_rows_of_every_type_arrive_exactly_once(tmp_path: Path) -> None:
    sql = EVERY_TYPE.format(rows=ROWS, last=ROWS - 1)
    run = job_folder(tmp_path, CHECK_EVERY_ROW, sql=sql, workers=2).run()
    assert run.code == 0, run.output
    ids = [np.load(tmp_path / f"ids-{index}.npy") for index in range(2)]
    assert np.array_equal(np.sort(np.concatenate(ids)), np.arange(ROWS))
    assert abs(len(ids[0]) - len(ids[1])) <= 1  # the batches are dealt row by row
    for index in range(2):
        sizes = json.loads((tmp_path / f"seen-{index}.json").read_text())["sizes"]
        assert set(sizes[:-1]) == {1000}
        assert sizes[-1] == (len(ids[index]) % 1000 or 1000)


SLOW = """
    import json, time, psutil

    def main(context):
        sizes = []
        for step, x in enumerate(context.dataset(batch_size=1000).batches()):
            if step % 50 == 0:
                sizes.append(psutil.Process().memory_info().rss)
            time.sleep(0.005)  # far slower than the source
        json.dump(sizes, open("memory.json", "w"))
"""

WIDE = """
    CREATE TABLE numbers (a FLOAT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '1000000', 'rows-per-second' = '10000000');
    CREATE TABLE training (pixels ARRAY<FLOAT>) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT ARRAY[{pixels}] FROM numbers;
"""


def test_memory_stays_bounded_when_training_is_slower_than_the_stream(tmp_path: Path) -> None:
    """800 MB of records pass through a consumer that holds the stream back."""
    run = job_folder(tmp_path, SLOW, sql=WIDE.format(pixels=", ".join(["a"] * 200))).run()
    assert run.code == 0, run.output
    sizes = json.loads((tmp_path / "memory.json").read_text())
    assert len(sizes) == 20
    assert max(sizes) - sizes[0] < 128 * 2**20, sizes
    print(f"memory of the slow consumer: {sizes[0] >> 20} MiB at first, {max(sizes) >> 20} MiB at most")


UNEVEN = """
    import json
    import tensorflow as tf
    import flinktf

    def main(context):
        rows = context.dataset(features=["a", "b"], label="y", batch_size=100, as_matrix=True)
        with context.strategy.scope():
            model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
            model.compile(tf.keras.optimizers.SGD(0.1), "mse")
        history = flinktf.fit(model, rows, epochs=2)
        json.dump({"rows": rows.rows, "loss": history.last.loss, "weights": [w.tolist() for w in model.get_weights()]},
                  open(f"end-{context.index}.json", "w"))
        context.export(model)
"""

LINE = """
    CREATE TABLE numbers (a FLOAT NOT NULL, b FLOAT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '20000', 'rows-per-second' = '10000000',
        'fields.a.min' = '-1', 'fields.a.max' = '1', 'fields.b.min' = '-1', 'fields.b.max' = '1');
    CREATE TABLE training (a FLOAT, b FLOAT, y FLOAT) WITH (
        'connector' = 'flinktf', 'role' = 'worker', 'shares' = '1,9');
    INSERT INTO training SELECT a, b, 2 * a - 3 * b + 1 FROM numbers;
"""


def test_two_workers_with_a_tenth_and_nine_tenths_of_the_rows_finish_together(tmp_path: Path) -> None:
    run = job_folder(tmp_path, UNEVEN, sql=LINE, workers=2, strategy="MultiWorkerMirrored").run()
    assert run.code == 0, run.output
    ends = [json.loads((tmp_path / f"end-{index}.json").read_text()) for index in range(2)]
    assert [end["rows"] for end in ends] == [2000, 18000]
    assert ends[0]["weights"] == ends[1]["weights"]
    np.testing.assert_allclose(np.ravel(ends[0]["weights"][0]), [2, -3], atol=0.05)
    assert (tmp_path / "model" / "saved_model.pb").exists()
