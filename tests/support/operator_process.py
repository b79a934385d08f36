"""The operator as a process of this machine, against any API server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from cluster.apiserver import die_with_parent
from flinktf.ports import free_port
from support.kubectl import environment, eventually


class OperatorProcess:
    """A context manager; its log is a file, so that it outlives a failed test. ``before`` is Python to run first."""

    def __init__(self, kubeconfig: Path, log: Path, *flags: str, name: str = "operator-0", before: str = "") -> None:
        self._health = free_port()
        self._metrics = free_port(frozenset({self._health}))
        self._kubeconfig = kubeconfig
        self._log = log
        program = f"{before}\nimport runpy; runpy.run_module('flinktf_operator', run_name='__main__')"
        self._command = [sys.executable, "-c", program, "--log-format", "json", "--pod-name", name]
        self._command += ["--health-port", str(self._health), "--metrics-port", str(self._metrics), *flags]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def ended(self) -> int | None:
        """Its exit code."""
        return self._process.poll() if self._process is not None else 0

    def start(self, ready: bool = True) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=environment(self._kubeconfig),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )
        if ready:
            eventually(lambda: self.ask("/readyz") == 200, 30)

    def stop(self) -> None:
        """SIGTERM, and not more than 15 s."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(15)

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(5)

    def ask(self, path: str) -> int:
        """The status of ``/livez`` or ``/readyz``; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health}{path}", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of ``name`` that have these labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=5) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = (sample for family in families for sample in family.samples)
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())
