"""The paths of a row that are measured: each a job of its own, run as a user would, by ``flinktf run``.

Rates are from the first row to the last. The pipeline has one slot in every path, so that each has one source.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
import yaml

from bench.shapes import Shape

_JOBS: Final = Path(__file__).parent / "jobs"
_LIMIT: Final = 420.0
_NO_TRAINING: Final = "def main(context): pass"
_SWITCHED: Final = re.compile(r"(\S+ \S+) INFO .*ExecutionGraph .*(?:INITIALIZING|RUNNING) to (RUNNING|FINISHED)\.")
_PROCESSES: Final = (
    ("StandaloneSessionClusterEntrypoint", "JobManager"),
    ("conf/taskmanager-pipeline-0", "TaskManager pipeline-0"),
    ("conf/taskmanager-worker-0", "TaskManager worker-0"),
    ("flinktf.training.process", "TensorFlow worker-0"),
    ("flinktf.agent", "agent worker-0"),
    ("flinktf.coordinator", "coordinator"),
    ("flinktf.cli.main", "flinktf run"),
)


@dataclass(frozen=True)
class Measured:
    """``rate`` is in rows a second; ``memory`` the largest resident size in bytes by process name."""

    rate: float
    memory: dict[str, int] = field(default_factory=dict)
    output: str = ""


def source(shape: Shape, rows: int) -> str:
    """The DDL of the table that all paths read."""
    return (
        f"CREATE TABLE generated ({shape.generator}) WITH ('connector' = 'datagen', 'number-of-rows' = '{rows}', "
        "'rows-per-second' = '100000000')"
    )


def training(shape: Shape) -> Measured:
    """Flink → flinktf → TensorFlow, one worker."""
    sql = (
        f"{source(shape, shape.rows)};\n"
        f"CREATE TABLE training ({shape.columns}) WITH ('connector' = 'flinktf', 'role' = 'worker');\n"
        f"INSERT INTO training SELECT {shape.query} FROM generated;\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        parameters = {"result": str(result), "lengths": {"pixels": 784} if "pixels" in shape.columns else {}}
        output, memory = _run(Path(folder), "job.sql", sql, (_JOBS / "train.py").read_text(), parameters)
        seen = json.loads(result.read_text())
    if seen["rows"] != shape.rows:
        raise RuntimeError(f"{shape.name}: {seen['rows']} rows of {shape.rows} arrived")
    return Measured(shape.rows / (seen["last"] - seen["first"]), memory, output)


def blackhole(shape: Shape) -> Measured:
    """The same query into Flink's ``blackhole``: what Flink does alone."""
    sql = (
        f"{source(shape, shape.rows)};\n"
        f"CREATE TABLE sink ({shape.columns}) WITH ('connector' = 'blackhole');\n"
        f"INSERT INTO sink SELECT {shape.query} FROM generated;\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        _run(Path(folder), "job.sql", sql, _NO_TRAINING, {})
        running, finished = task_times(Path(folder))
    return Measured(shape.rows / (finished - running))


def udf(shape: Shape, kind: str, rows: int) -> Measured:
    """The same query into a PyFlink UDF that touches every value; ``kind`` is ``scalar`` or ``pandas``."""
    settings = {"kind": kind, "source": source(shape, rows), "query": f"SELECT {shape.query} FROM generated"}
    names = [column.split()[0] for column in shape.columns.split(", ")]
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "first")
        job = f"SETTINGS = {settings | {'columns': names, 'first': str(first)}!r}\n" + (_JOBS / "udf.py").read_text()
        _run(Path(folder), "job.py", job, _NO_TRAINING, {})
        _, finished = task_times(Path(folder))
        return Measured(rows / (finished - float(first.read_text())))


def example(name: str) -> Measured:
    """Runs one of the examples, for its output and its memory; it has no rate."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(_JOBS.parent.parent / "examples" / name, Path(folder, name))
        output, memory = _run_folder(copy)
    return Measured(0.0, memory, output)


def _run(folder: Path, job: str, job_text: str, train: str, parameters: dict[str, Any]) -> tuple[str, dict[str, int]]:
    (folder / "train.py").write_text(train)
    spec = {
        "tensorflow": {"strategy": "Independent", "entrypoint": "train:main", "parameters": parameters},
        "roles": [{"name": "worker", "replicas": 1}],
        "model": {"path": "model"},
    }
    return run_spec(folder, job, job_text, spec)


def run_spec(folder: Path, job: str, job_text: str, spec: dict[str, Any]) -> tuple[str, dict[str, int]]:
    """Runs a job to its end. Raises RuntimeError with all its output when it fails."""
    (folder / job).write_text(job_text)
    spec = spec | {"job": spec.get("job", {}) | {job.removeprefix("job.").replace("py", "python"): job}}
    manifest = {"apiVersion": "flinktf.dev/v1alpha1", "kind": "FlinkTFJob", "metadata": {"name": "bench"}, "spec": spec}
    (folder / "job.yaml").write_text(yaml.safe_dump(manifest))
    return _run_folder(folder)


def _run_folder(folder: Path) -> tuple[str, dict[str, int]]:
    command = [sys.executable, "-m", "flinktf.cli.main", "run", "job.yaml"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    memory: dict[str, int] = {}
    deadline = time.monotonic() + _LIMIT
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.terminate()
        _measure_memory(process.pid, memory)
        time.sleep(0.5)
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(output)
    return output, memory


def _measure_memory(pid: int, memory: dict[str, int]) -> None:
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = " ".join(process.cmdline())
            name = next((label for mark, label in _PROCESSES if mark in words), None)
            if name is not None:
                memory[name] = max(memory.get(name, 0), process.memory_info().rss)


def task_times(folder: Path) -> tuple[float, float]:
    """When the first task was running, and when the last one had finished, as the JobManager's log says."""
    (log,) = folder.glob("flinktf-runs/*/logs/jobmanager.log")
    found: dict[str, list[float]] = {"RUNNING": [], "FINISHED": []}
    for line in log.read_text().splitlines():
        match = _SWITCHED.match(line)
        if match and "role: " not in line:
            found[match[2]].append(datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S,%f").timestamp())
    return min(found["RUNNING"]), max(found["FINISHED"])
