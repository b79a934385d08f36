"""ParameterServer: chief, ps, two workers that read their own records, and an evaluator with records of its own."""

import pytest

from integration.training.jvm import cluster, make_task
from integration.training.test_independent import LINEAR, linear

TRAIN = """
import os
import tensorflow as tf
import flinktf
keras = tf.keras
if os.environ["TF_USE_LEGACY_KERAS"] == "0":
    import keras

def main(context):
    train, held_out = context.dataset(["x1", "x2"], "y", 16, as_matrix=True).split(by="held")
    with context.strategy.scope():
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    if context.role == "evaluator":
        history = flinktf.fit(model, context.dataset(["x1", "x2"], "y", 16, as_matrix=True))
        assert history.last.number == 2, history
        assert history.last.loss < 0.05, history
        return
    history = flinktf.fit(model, train, epochs=3, validation=held_out)
    assert [epoch.rows for epoch in history.epochs] == [80 + 720] * 3, history
    assert history.history["val_loss"][-1] < 0.05, history
    context.export(model)
"""


def tasks(tmp_path, **roles):
    addresses = cluster(**{role: count for role, count in roles.items() if role != "evaluator"})
    return {
        (role, index): make_task(
            tmp_path,
            role=role,
            index=index,
            replicas=count,
            cluster=addresses,
            strategy="ParameterServer",
            entrypoint="train:main" if role in ("chief", "evaluator") else None,
            spool_path=str(tmp_path / f"spool-{role}-{index}"),
            parameters={"connectTimeout": 60},
        )
        for role, count in roles.items()
        for index in range(count)
    }


@pytest.mark.parametrize("legacy", ["1", "0"])
def test_all_roles_do_their_part(start, script, tmp_path, legacy):
    script(TRAIN)
    records = {
        ("worker", 0): linear(100, 0),
        ("worker", 1): linear(900, 1),
        ("evaluator", 0): linear(200, 2),
    }
    roles = {
        key: start(
            task,
            records.get(key),
            schema=LINEAR if key in records else None,
            environment={"TF_USE_LEGACY_KERAS": legacy},
            end=key in records,
        )
        for key, task in tasks(tmp_path, chief=1, ps=1, worker=2, evaluator=1).items()
    }
    chief = roles.pop(("chief", 0))
    assert chief.succeed()["steps"] == 150
    for role in roles.values():
        role.stop()
    done = {key: role.succeed(30) for key, role in roles.items()}
    assert done["worker", 0]["rows"] == 100
    assert done["worker", 1]["rows"] == 900
    assert "eval_mae" in roles["evaluator", 0].event("progress")[-1]["metrics"]
    assert (tmp_path / "model" / "saved_model.pb").exists()


def test_a_worker_fails_with_its_own_error(start, script, tmp_path):
    script(TRAIN.replace('"x2"]', '"x3"]'))
    roles = {
        key: start(task, linear(100) if key[0] == "worker" else None, schema=LINEAR if key[0] == "worker" else None)
        for key, task in tasks(tmp_path, chief=1, ps=1, worker=1).items()
    }
    failure = roles["worker", 0].fail()
    assert failure["type"] == "ColumnError"
    assert "no column 'x3'" in failure["message"]


def test_a_chief_does_not_wait_for_ever(start, script, tmp_path):
    script(TRAIN)
    task = tasks(tmp_path, chief=1, ps=1, worker=1)["chief", 0]
    task.parameters["connectTimeout"] = 2
    failure = start(task, end=False).fail(60)
    assert failure["type"] == "ClusterError"
    assert "worker 0 at 127.0.0.1:" in failure["message"]
