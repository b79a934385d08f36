"""Versions of a model while it is trained, and what is kept of its checkpoints: a role process, its agent played."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from flinktf.protocol.frames import FrameType
from flinktf.protocol.task import Publish
from flinktf.training.versions import versions
from integration.training.jvm import Role, cluster, make_task

SCHEMA = pa.schema([("x", pa.float32()), ("y", pa.float32())])
SCRIPT = """
import tensorflow as tf
import flinktf

def main(context):
    records = context.dataset(label="y", batch_size=10, as_matrix=True)
    with context.strategy.scope():
        model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    flinktf.fit(model, records)
    flinktf.export(model)
"""


def batch(seed: int) -> pa.RecordBatch:
    x = np.random.default_rng(seed).normal(size=20).astype(np.float32)
    return pa.record_batch([pa.array(x), pa.array(3 * x + 1)], schema=SCHEMA)


class Flink:
    """Barriers after each batch; each is completed, and the one before it over, before the next batch comes."""

    def __init__(self, checkpoints: int, then: Callable[[Role, int], None]) -> None:
        self._checkpoints = checkpoints
        self._then = then
        self._role: Future[Role] = Future()

    def feeds(self, role: Role) -> Role:
        """The role is known only after it has been started with this."""
        self._role.set_result(role)
        return role

    def __iter__(self) -> Iterator[pa.RecordBatch | int]:
        role = self._role.result(10)
        for number in range(1, self._checkpoints + 1):
            yield batch(number)
            yield number
            role.until(lambda n=number: len(role.of(FrameType.SAVED)) == n, f"SAVED {number}")
            role.complete(number, [number - 1])
            self._then(role, number)


def published(role: Role, number: int) -> None:
    role.until(lambda: len(role.event("model")) == number, f"version {number}")


@pytest.mark.parametrize("strategy", ["Independent", "MultiWorkerMirrored"])
def test_each_version_is_the_model_of_its_checkpoint(
    start: Callable[..., Role], script: Callable[[str], None], tmp_path: Path, strategy: Any
) -> None:
    import tensorflow as tf

    script(SCRIPT)
    kept: dict[int, list[np.ndarray[Any, Any]]] = {}

    def then(role: Role, number: int) -> None:
        published(role, number)
        name = f"{number}-worker-0.npz" if strategy == "Independent" else f"{number}.npz"
        with np.load(tmp_path / "checkpoints" / "model" / "2f" / name) as saved:
            kept[number] = [saved["v0"], saved["v1"]]

    flink, servers = Flink(4, then), cluster(worker=1) if strategy != "Independent" else {}
    task = make_task(tmp_path, strategy=strategy, publish=Publish(0.0, 3), cluster=servers)
    flink.feeds(start(task, flink, schema=SCHEMA)).succeed()
    # Four of checkpoints, one of the end; three are kept. Of the checkpoints' files, the last one is.
    assert versions(tmp_path / "model") == [3, 4, 5]
    assert [path.stem.partition("-")[0] for path in (tmp_path / "checkpoints" / "model" / "2f").iterdir()] == ["4"]
    for number in (3, 4):
        manifest = json.loads((tmp_path / "model" / str(number) / "flinktf.json").read_text())
        assert (manifest["version"], manifest["checkpoint"], manifest["job_id"]) == (number, number, "2f")
        assert (manifest["step"], manifest["rows"]) == (2 * number, 20 * number)
        served = tf.saved_model.load(str(tmp_path / "model" / str(number))).signatures["serving_default"]
        (found,) = served(tf.constant([[2.0]])).values()
        kernel, bias = kept[number]
        np.testing.assert_allclose(found.numpy(), 2 * kernel + bias, rtol=1e-6)
    assert json.loads((tmp_path / "model" / "5" / "flinktf.json").read_text())["checkpoint"] is None


def test_what_is_not_completed_is_no_version(
    start: Callable[..., Role], script: Callable[[str], None], tmp_path: Path
) -> None:
    script(SCRIPT)
    task = make_task(tmp_path, publish=Publish(0.0, 3))
    role = start(task, [batch(1), 1, batch(2), 2], schema=SCHEMA)
    role.succeed()
    assert versions(tmp_path / "model") == [1]
    assert json.loads((tmp_path / "model" / "1" / "flinktf.json").read_text())["checkpoint"] is None


def test_a_model_without_a_step_is_no_version(
    start: Callable[..., Role], script: Callable[[str], None], tmp_path: Path
) -> None:
    """A checkpoint comes before the first record: its model would take over from what an earlier job has trained."""
    script(SCRIPT)
    began: Future[Role] = Future()

    def flink() -> Iterator[pa.RecordBatch | int]:
        role = began.result(10)
        for number, items in ((1, [1]), (2, [batch(1), 2])):
            yield from items
            role.until(lambda n=number: len(role.of(FrameType.SAVED)) == n, f"SAVED {number}")
            role.complete(number, [number - 1])
        published(role, 1)

    began.set_result(start(make_task(tmp_path, publish=Publish(0.0, 3)), flink(), schema=SCHEMA))
    began.result().succeed()
    manifest = json.loads((tmp_path / "model" / "1" / "flinktf.json").read_text())
    assert (manifest["checkpoint"], manifest["step"]) == (2, 2)
    assert versions(tmp_path / "model") == [1, 2]


def test_numbers_go_on_where_another_job_has_ended(
    start: Callable[..., Role], script: Callable[[str], None], tmp_path: Path
) -> None:
    script(SCRIPT.replace("records)", "records, epochs=3)"))
    (tmp_path / "model" / "41").mkdir(parents=True)
    (tmp_path / "model" / ".partial-7").mkdir()  # of a process that was killed
    start(make_task(tmp_path, publish=Publish(0.0, 2)), [batch(1)], schema=SCHEMA).succeed()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["41", "42"]
    manifest = json.loads((tmp_path / "model" / "42" / "flinktf.json").read_text())
    assert (manifest["step"], manifest["rows"]) == (6, 60)  # three times the twenty that there are


def test_a_version_that_cannot_be_made_does_not_end_training(
    start: Callable[..., Role], script: Callable[[str], None], tmp_path: Path
) -> None:
    script(SCRIPT.replace("    flinktf.export(model)\n", ""))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").touch()

    def then(role: Role, number: int) -> None:
        role.until(lambda: len(role.event("notice")) == number, "a notice")

    flink = Flink(1, then)
    role = flink.feeds(start(make_task(tmp_path, publish=Publish(0.0, 2)), flink, schema=SCHEMA))
    role.succeed()
    assert "spec.model.path needs a new folder" in role.event("notice")[0]["message"]
