"""More workers, or fewer, from a checkpoint on: stream and model go with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from faults.counting import SQL, TRAIN
from integration.harness import job_folder
from integration.pods import Pods

RECORDS, RATE = 12_000, 400


def write(folder: Path, strategy: str, workers: int) -> None:
    job_folder(
        folder,
        TRAIN,
        sql=SQL.format(records=RECORDS, rate=RATE, last=RECORDS - 1),
        roles=[{"name": "worker", "replicas": workers}],
        tensorflow={
            "strategy": strategy,
            "entrypoint": "train:main",
            "parameters": {"records": RECORDS, "holds": False, "trouble": None},
        },
        checkpoint={"path": "checkpoints", "interval": "1h"},
        storage={"claimName": "data"},
    )


@pytest.mark.parametrize(
    ("strategy", "before", "after"),
    [
        ("MultiWorkerMirrored", 2, 3),
        pytest.param("MultiWorkerMirrored", 3, 2, marks=pytest.mark.long),
    ],
)
async def test_each_record_is_trained_once(tmp_path: Path, strategy: str, before: int, after: int) -> None:
    write(tmp_path, strategy, before)
    async with Pods(tmp_path) as pods:
        await pods.until(lambda status: any(role["step"] > 50 for role in status["roles"]), 150)
        leaving = asyncio.create_task(pods.leave())
        status = await pods.until(lambda status: status["flink"]["granted"] > 0, 60)
        location = status["flink"]["checkpoint"]["location"]
        await leaving
    assert not list(tmp_path.glob("counts-*.npy")), "run 1 was to be ended within its stream"
    write(tmp_path, strategy, after)
    async with Pods(tmp_path, 2, location) as pods:
        status = await pods.until(lambda status: status["outcome"] is not None, 150)
        assert status["outcome"] == "Succeeded", status["failure"]
        assert len(status["roles"]) == after
    models = [np.load(file) for file in sorted(tmp_path.glob("counts-*.npy"))]
    assert len(models) == after
    for counts in models:
        assert np.array_equal(counts, np.ones(RECORDS))
