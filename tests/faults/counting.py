"""A job whose model counts how often it was trained on each record of a known stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from integration.harness import JobFolder, job_folder

# The model's one variable has an element for each record. A record's gradient is at its own element, and the optimizer
# adds signs: so after a step each record of it counts one more, whatever the batches and replicas were.
TRAIN = """
    import time
    from pathlib import Path

    import numpy as np
    import tensorflow as tf

    import flinktf


    class Counting(tf.keras.optimizers.SGD):
        def update_step(self, gradient, variable):
            variable.assign_add(tf.sign(tf.convert_to_tensor(gradient)))


    class Counts(tf.keras.Model):
        def __init__(self, records, trouble):
            super().__init__()
            self.trouble = trouble
            self.counts = self.add_weight("counts", (records,), initializer="zeros")

        def call(self, record, training=False):
            if self.trouble:
                shape = record.shape
                record = tf.numpy_function(self.meet, [record], tf.float32)
                record.set_shape(shape)
            return tf.gather(self.counts, tf.cast(record, tf.int32))

        def meet(self, records):
            what, where = self.trouble
            if where in records and what == "raises":
                raise ValueError(f"record {where} is poison")
            if where in records and what == "stalls" and not Path("stalled").exists():
                Path("stalled").touch()
                time.sleep(3600)
            return records


    def main(context):
        records = context.dataset(label="y", batch_size=16, as_matrix=True)
        with context.strategy.scope():
            model = Counts(context.parameters["records"], context.parameters["trouble"])
            model.compile(Counting(), lambda y, predicted: tf.reduce_mean(predicted))
            model.build((None, 1))
        known = (np.zeros((1, 1), np.float32), np.zeros(1, np.float32))
        validation = known if context.role == "evaluator" else None
        flinktf.fit(model, records, epochs=1, validation=validation)
        if context.role == "evaluator":
            return
        if context.parameters["holds"]:
            Path(f"holding-{context.role}-{context.index}").touch()
            while not Path("go-on").exists():
                time.sleep(0.05)
        np.save(f"counts-{context.index}.npy", model.counts.numpy())
"""
_TRAINING = """
    CREATE TABLE training (id FLOAT, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT CAST(id AS FLOAT), CAST(0 AS FLOAT) FROM numbers;
"""
SQL = (
    """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '{records}', 'rows-per-second' = '{rate}',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{last}');
"""
    + _TRAINING
)
ENDLESS = (
    """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'rows-per-second' = '{rate}', 'fields.id.min' = '0', 'fields.id.max' = '{last}');
"""
    + _TRAINING
)


@dataclass(frozen=True)
class CountingJob:
    """``records`` that arrive with ``rate`` a second."""

    folder: JobFolder
    strategy: str
    records: int

    def counts(self) -> npt.NDArray[np.float32]:
        """How often each record was trained on, by the models that were saved in the end."""
        saved = [np.load(file) for file in sorted(self.folder.path.glob("counts-*.npy"))]
        if self.strategy == "Independent":
            return np.sum(saved, axis=0, dtype=np.float32)
        assert all(np.array_equal(one, saved[0]) for one in saved), "the workers have different models"
        return np.asarray(saved[0])

    def wrong(self) -> str | None:
        """What is wrong with the counts, when each record should be there once; None when it is."""
        counts = self.counts()
        lost, again = np.flatnonzero(counts < 1), np.flatnonzero(counts > 1)
        if not len(lost) and not len(again):
            return None
        return (
            f"of {self.records} records {len(lost)} are missing {lost[:10]}, {len(again)} are there again {again[:10]}"
        )


def counting_job(
    path: Path,
    strategy: str,
    *,
    seconds: float = 12,
    rate: int = 1000,
    evaluator: bool = False,
    holds: bool = False,
    interval: str = "1s",
    trouble: tuple[str, int] | None = None,
    **failover: object,
) -> CountingJob:
    """Records for ``seconds``. ``holds``: it ends when there is a file go-on. ``trouble``: its step ``raises``, or
    ``stalls``, the first time, at a record.

    ``interval`` is the checkpoints', ``failover`` the workers'.
    """
    records = int(seconds * rate)
    sql = SQL.format(records=records, rate=rate, last=records - 1)
    roles: list[dict[str, object]] = [{"name": "worker", "replicas": 2, "failover": failover}]
    roles += [{"name": "evaluator"}] if evaluator else []
    parameters = {"records": records, "holds": holds, "trouble": trouble and list(trouble)}
    return _job(path, strategy, sql, roles, parameters, interval)


def endless_job(path: Path, strategy: str, *, rate: int = 1000) -> CountingJob:
    """Records without an end, and a budget in which each fault is like the first one."""
    roles: list[dict[str, object]] = [{"name": "worker", "replicas": 2, "failover": {"backoff": {"resetAfter": "1s"}}}]
    attempts = {"restart-strategy.exponential-delay.attempts-before-reset-backoff": "10000"}
    records = 10_000
    sql = ENDLESS.format(rate=rate, last=records - 1)
    parameters = {"records": records, "holds": False, "trouble": None}
    return _job(path, strategy, sql, roles, parameters, "1s", flink={"configuration": attempts})


def _job(
    path: Path,
    strategy: str,
    sql: str,
    roles: list[dict[str, object]],
    parameters: Mapping[str, object],
    interval: str,
    **spec: object,
) -> CountingJob:
    servers: list[dict[str, object]] = [{"name": "chief"}, {"name": "ps"}] if strategy == "ParameterServer" else []
    folder = job_folder(
        path,
        TRAIN,
        sql=sql,
        strategy=strategy,
        roles=[*servers, *roles],
        tensorflow={"strategy": strategy, "entrypoint": "train:main", "parameters": parameters},
        checkpoint={"interval": interval},
        **spec,
    )
    return CountingJob(folder, strategy, int(str(parameters["records"])))
