"""A run of ``flinktf run`` while it runs: what its coordinator says, and its processes, to be hit."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from integration.harness import JobFolder


class Running:
    """A context manager around one run; leaving it ends the run."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder

    def __enter__(self) -> Running:
        self._output = (self._folder.path / "output").open("w+")
        self.process = subprocess.Popen(
            self._folder.command(),
            cwd=self._folder.path,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
        self._output.close()

    @property
    def output(self) -> str:
        return (self._folder.path / "output").read_text()

    def end(self, seconds: float = 240) -> int:
        """Its exit code."""
        return self.process.wait(timeout=seconds)

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

    def until(self, condition: Callable[[dict[str, Any]], bool], what: str, seconds: float = 120) -> dict[str, Any]:
        """The first status that meets ``condition``. Raises AssertionError when the run ends, or that takes longer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.output
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
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(process)
        return found

    def agent(self, instance: str) -> psutil.Process:
        (found,) = self.find("flinktf.agent", f"agent-{instance}.json")
        return found

    def role_process(self, instance: str) -> psutil.Process:
        """The TensorFlow process of ``worker-0``."""
        for process in self.agent(instance).children():
            if "flinktf.training.process" in " ".join(process.cmdline()):
                return process
        raise AssertionError(f"{instance} has no role process")

    def task_manager(self, instance: str) -> psutil.Process:
        """The JVM beside it."""
        return next(p for p in self.find(f"/conf/taskmanager-{instance}") if p.name() == "java")

    def resumed_at(self) -> list[int]:
        """The steps from which instances went on, as they said themselves."""
        return [int(step) for step in re.findall(r"goes on at step (\d+)", self.output)]

    def kill(self, process: psutil.Process) -> None:
        process.send_signal(signal.SIGKILL)


def restarts(status: dict[str, Any]) -> dict[str, int]:
    """Of each instance, by its name."""
    return {f"{role['role']}-{role['index']}": role["restarts"] for role in status["roles"]}
