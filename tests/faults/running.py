"""A run of ``flinktf run`` while it runs: what its coordinator says, and its processes, to be hit."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from flinktf.training.forkserver import NAME
from integration.harness import JobFolder, processes_of


class Ended(AssertionError):
    """The run has ended before what was waited for."""


class Running:
    """A context manager around one run, with ``environment`` over ours; leaving it ends the run."""

    def __init__(self, folder: JobFolder, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = environment or {}
        self.folder = folder.path
        self.last: dict[str, Any] = {}

    def __enter__(self) -> Running:
        self._output = (self.folder / "output").open("w+")
        self._temporary = tempfile.mkdtemp(prefix="run-")
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *self._folder.command()],  # a test that is killed leaves no run behind
            cwd=self.folder,
            env={**os.environ, "TMPDIR": self._temporary, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            self.popen.wait(timeout=60)
        self._output.close()
        left = [path.name for path in Path(self._temporary).iterdir()]
        shutil.rmtree(self._temporary)
        assert not left, f"files of the run are left: {left}"
        assert not (alive := processes_of(self.folder)), f"processes of the run are left: {alive}"

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def end(self, seconds: float = 400) -> int:
        """Its exit code; ``last`` is the last status from before."""
        deadline = time.monotonic() + seconds
        while self.popen.poll() is None:
            assert time.monotonic() < deadline, f"it has not ended within {seconds:g} s\n{self.output}"
            with contextlib.suppress(ValueError, OSError, psutil.Error):
                self.last = self.status()
            time.sleep(0.1)
        return self.popen.returncode

    def status(self) -> dict[str, Any]:
        """What the coordinator tells."""
        (coordinator,) = self.find("flinktf.coordinator")
        words = coordinator.cmdline()
        port = Path(words[words.index("--port-file") + 1]).read_text().strip()
        token = Path(words[words.index("--token-file") + 1]).read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/status", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def temporary(self) -> list[Path]:
        """Where its processes keep what is of no use to anyone later."""
        return [Path(self._temporary), *self.folder.glob("flinktf-runs/*/work")]

    def checkpoints(self) -> dict[str, Any]:
        """What Flink says of the job's checkpoints."""
        (configuration,) = self.folder.glob("flinktf-runs/*/conf/jobmanager/config.yaml")
        url = f"http://127.0.0.1:{yaml.safe_load(configuration.read_text())['rest.port']}/jobs"
        with urllib.request.urlopen(url, timeout=10) as answer:
            (job,) = json.load(answer)["jobs"]
        with urllib.request.urlopen(f"{url}/{job['id']}/checkpoints", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def began(self, status: dict[str, Any], instance: str) -> int:
        """How often ``instance`` has come back and made a step, -1 before its first one."""
        role = next(role for role in status["roles"] if f"{role['role']}-{role['index']}" == instance)
        return int(role["restarts"]) if role["state"] == "Training" and role["step"] > 0 else -1

    def until(self, condition: Callable[[dict[str, Any]], bool], what: str, seconds: float = 240) -> dict[str, Any]:
        """The first status that meets ``condition``. Raises :class:`Ended`, or AssertionError when it takes longer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._require_running()
            try:
                status = self.status()
            except (ValueError, OSError, psutil.Error):  # it has not started, or is just being killed
                status = {}
            if status and condition(status):
                return status
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds:g} s: {what}\n{self.output}")

    def find(self, *words: str) -> list[psutil.Process]:
        """The run's processes whose command lines have all of ``words``."""
        found = []
        for process in psutil.Process(self.popen.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(process)
        return found

    def process(self, name: str, seconds: float = 120) -> psutil.Process:
        """A process by its name: ``worker-1`` is that instance's TensorFlow process, wherever Flink has placed it;
        others have the names of their logs: ``coordinator``, ``jobmanager``, ``agent-worker-1``,
        ``taskmanager-pipeline-0``. Waits for one that is just being started.
        """
        deadline = time.monotonic() + seconds
        while (found := self._process(name)) is None:
            self._require_running()
            assert time.monotonic() < deadline, f"there is no {name}:\n{self.output}"
            time.sleep(0.05)
        return found

    def resumed_at(self) -> list[int]:
        """The steps from which instances went on, as they said themselves."""
        return [int(step) for step in re.findall(r"goes on at step (\d+)", self.output)]

    def _require_running(self) -> None:
        if self.popen.poll() is not None:
            raise Ended(self.output)

    def _process(self, name: str) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error, OSError):  # one of those that were looked at has just ended
            return self._found(name)
        return None

    def _found(self, name: str) -> psutil.Process | None:
        if name == "coordinator":
            return _only(self.find("flinktf.coordinator"))
        if name == "jobmanager" or name.startswith("taskmanager-"):
            # Not the one by which Flink's script reads the configuration: whoever kills that kills no TaskManager yet.
            found = self.find(f"/conf/{name}", "org.apache.flink.runtime.")
            return _only([p for p in found if p.name() == "java" and "BashJavaUtils" not in " ".join(p.cmdline())])
        if name.startswith("agent-"):
            return _only(self.find("flinktf.agent", f"{name}.json"))
        log = f"{self._place(name)}.log"
        return _only(
            [p for p in self.find() if p.name() == NAME and Path(f"/proc/{p.pid}/fd/1").readlink().name == log]
        )

    def _place(self, instance: str) -> str:
        """The TaskManager, ``worker-0`` or ``worker-1``, that has ``instance`` now."""
        with contextlib.suppress(ValueError, OSError, psutil.Error):
            for role in self.status()["roles"]:
                if f"{role['role']}-{role['index']}" == instance and role["taskManager"]:
                    return str(role["taskManager"]).removeprefix("taskmanager-")
        return instance


def _only(found: list[psutil.Process]) -> psutil.Process | None:
    return found[0] if len(found) == 1 else None


def restarts(status: dict[str, Any]) -> dict[str, int]:
    """Of each instance, by its name."""
    return {f"{role['role']}-{role['index']}": role["restarts"] for role in status["roles"]}
