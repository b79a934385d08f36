"""A job whose model counts how often it was trained on each record of a known stream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from integration.harness import JobFolder, job_folder

# The model's one variable has an element for each record. A record's gradient is at its own element, and the optimizer
# adds signs: so after a step each record of it counts one more, whatever the batches and replicas were.
TRAIN = """
    import numpy as np
    import tensorflow as tf

    import flinktf


    class Counting(tf.keras.optimizers.SGD):
        def update_step(self, gradient, variable):
            variable.assign_add(tf.sign(tf.convert_to_tensor(gradient)))


    class Counts(tf.keras.Model):
        def __init__(self, records):
            super().__init__()
            self.counts = self.add_weight("counts", (records,), initializer="zeros")

        def call(self, record, training=False):
            return tf.gather(self.counts, tf.cast(record, tf.int32))


    def main(context):
        records = context.dataset(label="y", batch_size=16, as_matrix=True)
        with context.strategy.scope():
            model = Counts(context.parameters["records"])
            model.compile(Counting(), lambda y, predicted: tf.reduce_mean(predicted))
        flinktf.fit(model, records, epochs=1)
        np.save(f"counts-{context.index}.npy", model.counts.numpy())
"""
SQL = """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '{records}', 'rows-per-second' = '{rate}',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{last}');
    CREATE TABLE training (id FLOAT, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT CAST(id AS FLOAT), CAST(0 AS FLOAT) FROM numbers;
"""


@dataclass(frozen=True)
class CountingJob:
    """``records`` that arrive with ``rate`` a second."""

    folder: JobFolder
    records: int

    def counts(self) -> npt.NDArray[np.float32]:
        """How often each record was trained on, by the models that were saved in the end."""
        saved = [np.load(file) for file in sorted(self.folder.path.glob("counts-*.npy"))]
        if np.array_equal(saved[0], saved[-1]):
            return np.asarray(saved[0])  # one model, which all workers have
        return np.sum(saved, axis=0, dtype=np.float32)


def counting_job(
    path: Path, strategy: str, *, seconds: int = 12, rate: int = 1000, interval: str = "1s", **failover: object
) -> CountingJob:
    """Records for ``seconds``; ``interval`` is the checkpoints'."""
    records = seconds * rate
    roles: list[dict[str, object]] = [{"name": "worker", "replicas": 2, "failover": failover}]
    if strategy == "ParameterServer":
        roles = [{"name": "chief"}, {"name": "ps"}, *roles]
    folder = job_folder(
        path,
        TRAIN,
        sql=SQL.format(records=records, rate=rate, last=records - 1),
        strategy=strategy,
        roles=roles,
        tensorflow={"strategy": strategy, "entrypoint": "train:main", "parameters": {"records": records}},
        checkpoint={"interval": interval},
    )
    return CountingJob(folder, records)
