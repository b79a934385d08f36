"""A job on a cluster whose model counts how often it was trained on each record."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from support.examples import volume
from support.kubectl import Kubectl

# Each record has an element of the model's one variable. Its gradient is there, and the optimizer adds signs.
TRAIN: Final = """
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
        np.save(f"/data/counts-{context.index}.npy", model.counts.numpy())
"""
SQL: Final = """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'number-of-rows' = '{records}', 'rows-per-second' = '{rate}',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{last}');
    CREATE TABLE training (id FLOAT, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT CAST(id AS FLOAT), CAST(0 AS FLOAT) FROM numbers;
"""
PREFERRED: Final = "flinktf-worker"
ELSEWHERE: Final = "flinktf-control-plane"


def near(node: str) -> dict[str, Any]:
    """Scheduling on ``node``, as long as it is there."""
    wanted = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    terms = [{"weight": 100, "preference": {"matchExpressions": [wanted]}}]
    return {
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


@dataclass(frozen=True)
class CountedJob:
    """The job ``counted`` with a checkpoint every two seconds, and two workers."""

    kubectl: Kubectl
    records: int

    def check(self) -> None:
        """Raises AssertionError unless the model was trained on each record once."""
        files = sorted(volume(self.kubectl, "counted-data").glob("counts-*.npy"))
        models = [np.load(file) for file in files]
        assert len(models) == 2
        times, records = np.unique(models[0], return_counts=True)
        assert times.tolist() == [1.0], dict(zip(times.tolist(), records.tolist(), strict=True))
        assert np.array_equal(*models)


def apply_counted(
    kubectl: Kubectl, seconds: int, rate: int = 500, train: str = TRAIN, sql: str = SQL, **spec: Any
) -> CountedJob:
    """A job with records for ``seconds``; ``spec`` goes over ours."""
    records = seconds * rate
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "counted-data"},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    code = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "counted-code"},
        "data": {
            "train.py": textwrap.dedent(train),
            "job.sql": textwrap.dedent(sql.format(records=records, rate=rate, last=records - 1)),
        },
    }
    job = {
        "apiVersion": "flinktf.dev/v1alpha1",
        "kind": "FlinkTFJob",
        "metadata": {"name": "counted"},
        "spec": {
            "job": {"sql": "job.sql"},
            "tensorflow": {"entrypoint": "train:main", "parameters": {"records": records}},
            "roles": [{"name": "worker", "replicas": 2}],
            "checkpoint": {"interval": "2s"},
            "code": {"configMap": "counted-code"},
            "storage": {"claimName": "counted-data"},
            **spec,
        },
    }
    kubectl.apply(claim, code, job)
    return CountedJob(kubectl, records)
