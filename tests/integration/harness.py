"""Runs ``flinktf run`` as a user would: the real command in a process of its own, on a folder with a job in it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

FLINKTF = [sys.executable, "-m", "flinktf.cli.main"]
RUN_TIMEOUT = 240.0
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Run:
    """What is left of a run: exit code, everything it printed, and its folder with the logs."""

    code: int
    output: str
    folder: Path

    def log(self, name: str) -> str:
        (run,) = (self.folder / "flinktf-runs").iterdir()
        return (run / "logs" / f"{name}.log").read_text()


@dataclass(frozen=True)
class JobFolder:
    """A folder with ``job.yaml``, ``train.py`` and perhaps ``job.sql`` or ``job.py``."""

    path: Path
    manifest: str = "job.yaml"

    def command(self, *options: str) -> list[str]:
        return [*FLINKTF, "run", self.manifest, *options]

    def start(self, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*options),
            cwd=self.path,
            env=os.environ | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, env: dict[str, str] | None = None, timeout: float = RUN_TIMEOUT) -> Run:
        process = self.start(*options, env=env)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.terminate()
            output, _ = process.communicate(timeout=30)
            raise AssertionError(f"the run took longer than {timeout} s:\n{output}") from None
        return Run(process.returncode, output, self.path)


def job_folder(
    path: Path,
    train: str,
    *,
    sql: str | None = None,
    python: str | None = None,
    workers: int = 1,
    strategy: str = "Independent",
    **spec: object,
) -> JobFolder:
    """Writes a job; ``spec`` is merged over the defaults here."""
    (path / "train.py").write_text(textwrap.dedent(train))
    document: dict[str, object] = {
        "tensorflow": {"strategy": strategy, "entrypoint": "train:main"},
        "roles": [{"name": "worker", "replicas": workers}],
        "model": {"path": "model"},
    }
    if sql is not None:
        (path / "job.sql").write_text(textwrap.dedent(sql))
        document["job"] = {"sql": "job.sql"}
    if python is not None:
        (path / "job.py").write_text(textwrap.dedent(python))
        document["job"] = {"python": "job.py"}
    manifest = {
        "apiVersion": "flinktf.dev/v1alpha1",
        "kind": "FlinkTFJob",
        "metadata": {"name": "job"},
        "spec": document | spec,
    }
    (path / "job.yaml").write_text(yaml.safe_dump(manifest))
    return JobFolder(path)


def processes_of(folder: Path) -> list[str]:
    """Every process that still belongs to a run in ``folder``: its command line or its environment names the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = " ".join(process.cmdline()) + " ".join(process.environ().values()) + process.cwd()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if str(folder) in words and process.pid != os.getpid():
            found.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
    return found
