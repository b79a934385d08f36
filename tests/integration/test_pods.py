"""A job as its pods run it: one submission whatever dies, and a next run that goes on where the last one was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flinktf_operator.names import JOBMANAGER
from integration.harness import job_folder, processes_of
from integration.pods import Pods

DRIVER = f"{JOBMANAGER}-0/driver"

# What a model has been trained with, told by the model itself. Alone, its weights are the sums of three columns over
# all its rows: how many these are, their ids, and a mix of the ids. Under MultiWorkerMirrored a step has the mean
# gradient of its rows, however many they are: there the first weight is the number of steps.
SUMS = """
    import json, tensorflow as tf, flinktf

    def main(context):
        alone = context.strategy.num_replicas_in_sync == 1
        rows = context.dataset(["counted", "id", "mix"], "y", batch_size=20, as_matrix=True)
        with context.strategy.scope():
            model = tf.keras.Sequential([
                tf.keras.layers.Input((3,)), tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
            reduce = tf.reduce_sum if alone else tf.reduce_mean
            model.compile(tf.keras.optimizers.SGD(1.0), loss=lambda y, predicted: -reduce(predicted))
        history = flinktf.fit(model, rows)
        told = {"weights": [float(w) for w in model.get_weights()[0].ravel()], "rows": history.rows,
                "steps": history.steps, "iterations": int(model.optimizer.iterations.numpy())}
        json.dump(told, open(f"{context.role}-{context.index}.json", "w"))
"""

NUMBERS = """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'rows-per-second' = '{rate}',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{last}');
    CREATE TABLE training (counted FLOAT, id FLOAT, mix FLOAT, y FLOAT) WITH (
        'connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT 1, CAST(id AS FLOAT), CAST(MOD(id * id, 1009) AS FLOAT), 0 FROM numbers;
"""


def write_job(folder: Path, rows: int, rate: int, train: str = SUMS, **spec: object) -> None:
    common: dict[str, object] = {
        "checkpoint": {"path": "checkpoints", "interval": "1s"},
        "storage": {"claimName": "data"},
        "flink": {"pipeline": {"slots": 1}},
    }
    job_folder(folder, train, sql=NUMBERS.format(rate=rate, last=rows - 1), **common | spec)


def sums(rows: int) -> list[float]:
    """Exact in float32, the model's type: each is a whole number below 2**24."""
    ids = np.arange(rows)
    return [rows, float(ids.sum()), float((ids * ids % 1009).sum())]


def submissions(pods: Pods) -> list[str]:
    """The ids of the jobs that the JobManager has taken, in order; it refuses one that it has."""
    return re.findall(r"Submitting job '\w+' \((\w+)\)", pods.log(f"{JOBMANAGER}-0/jobmanager"))


def checkpoint_of(status: dict[str, Any]) -> int:
    """The number of the last one that the submitter has told, 0 before the first; Flink tells it up to 3 s late."""
    return status["flink"]["checkpoint"]["id"] if status["flink"] and status["flink"]["checkpoint"] else 0


def ended(status: dict[str, Any]) -> bool:
    return status["outcome"] is not None


async def test_a_bounded_job_is_submitted_once_and_succeeds(tmp_path: Path) -> None:
    write_job(tmp_path, rows=2000, rate=400)
    async with Pods(tmp_path) as pods:
        status = await pods.until(ended, 150)
        assert status["outcome"] == "Succeeded", status["failure"]
        assert status["submission"] == "Submitted"
        assert status["flink"]["state"] == "FINISHED"
        await pods.until(lambda status: checkpoint_of(status) >= 2, 10)
        assert submissions(pods) == [pods.job_id]
    assert json.loads((tmp_path / "worker-0.json").read_text())["weights"] == sums(2000)
    assert not processes_of(tmp_path)


async def test_a_submitter_that_is_killed_again_and_again_submits_once(tmp_path: Path) -> None:
    """While it waits, while its driver runs, when Flink has the job and nobody knows, and when that has been told."""
    write_job(tmp_path, rows=3000, rate=300)
    async with Pods(tmp_path) as pods:
        moments: tuple[Callable[[dict[str, Any]], bool], ...] = (
            lambda _: pods.log(DRIVER) != "",
            lambda status: status["submission"] == "Submitting",
            lambda _: submissions(pods) != [],
            lambda status: status["submission"] == "Submitted",
        )
        for moment in moments:
            await pods.until(moment, 150)
            await pods.kill(DRIVER)
            await pods.start(DRIVER)
        status = await pods.until(ended, 150)
        assert status["outcome"] == "Succeeded", status["failure"]
        assert (status["submission"], status["flink"]["state"]) == ("Submitted", "FINISHED")
        assert submissions(pods) == [pods.job_id]
    assert json.loads((tmp_path / "worker-0.json").read_text())["weights"] == sums(3000)


@pytest.mark.parametrize(
    ("strategy", "workers"), [pytest.param("Independent", 1, marks=pytest.mark.long), ("MultiWorkerMirrored", 2)]
)
async def test_the_next_run_goes_on_from_the_last_checkpoint(tmp_path: Path, strategy: str, workers: int) -> None:
    """Exact for the model that run 2 ends with: no row is missing in it, none is in it twice.

    Not exact for what has been computed: rows that run 1 has trained after its last checkpoint are trained again, by a
    model that has not seen them.
    """
    rows, roles = 5700, [{"name": "worker", "replicas": workers}]
    write_job(tmp_path, rows, 200, roles=roles, tensorflow={"strategy": strategy, "entrypoint": "train:main"})
    async with Pods(tmp_path) as pods:
        status = await pods.until(lambda status: checkpoint_of(status) > 1, 150)
        told = status["flink"]["checkpoint"]
        await pods.until(lambda status: checkpoint_of(status) > told["id"] + 1, 30)
        await pods.suspend()
    assert not list(tmp_path.glob("worker-*.json")), "run 1 was to be ended within its stream"
    # An operator that was away has not heard of the newer ones, for which Flink has deleted what was told.
    assert not list((tmp_path / "data").rglob(f"chk-{told['id']}"))
    last = max(int(file.parent.name.removeprefix("chk-")) for file in (tmp_path / "data").rglob("chk-*/_metadata"))
    model = f"{last}-worker-0.npz" if strategy == "Independent" else f"{last}.npz"
    (file,) = (tmp_path / "data" / "checkpoints" / "model").rglob(model)
    with np.load(file) as saved:
        step, seen = (int(number) for number in saved["progress"])
    async with Pods(tmp_path, 2, told["location"]) as pods:
        status = await pods.until(ended, 150)
        assert status["outcome"] == "Succeeded", status["failure"]
        await pods.until(lambda status: checkpoint_of(status) > last, 10)
        assert submissions(pods) == [pods.job_id]
    ends = [json.loads((tmp_path / f"worker-{index}.json").read_text()) for index in range(workers)]
    for end, instance in zip(ends, status["roles"], strict=True):
        assert 0 < seen < rows
        assert seen + end["rows"] == rows
        assert step + end["steps"] == end["iterations"] == instance["step"]
        assert end["weights"] == ends[0]["weights"]
        if strategy == "Independent":
            assert end["weights"] == sums(rows)
        else:
            assert end["weights"][0] == pytest.approx(end["iterations"], abs=1e-3)
