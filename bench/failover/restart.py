"""One restart after the other, split into parts by what the coordinator's events and the role's timings say."""

from __future__ import annotations

import re
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from faults.counting import endless_job
from faults.running import Running

GOALS: Final = {"detection": 1.0, "ours": 2.0, "silence": 3.0}
_VICTIM: Final = "worker-1"


@dataclass(frozen=True)
class Restart:
    """Seconds. ``backoff`` is what the manifest asks for; ``imports`` is what was still left of TensorFlow's import."""

    detection: float
    backoff: float
    scheduling: float
    imports: float
    restore: float
    first_step: float

    PARTS: ClassVar = ("detection", "backoff", "scheduling", "imports", "restore", "first_step", "ours", "total")

    @property
    def total(self) -> float:
        return self.ours + self.backoff + self.imports + self.restore + self.first_step

    @property
    def ours(self) -> float:
        return self.detection + self.scheduling


def restarts(strategy: str, kills: int) -> list[Restart]:
    found = []
    with tempfile.TemporaryDirectory() as folder, Running(endless_job(Path(folder), strategy).folder) as run:
        for _ in range(kills):
            _train(run)
            found.append(_restart(run))
    return found


def silence(stops: int) -> list[float]:
    """Seconds from the stop of an agent, as of a pod that is lost, until the coordinator says that it is silent."""
    with tempfile.TemporaryDirectory() as folder, Running(endless_job(Path(folder), "Independent").folder) as run:
        return [_silence(run) for _ in range(stops)]


def _silence(run: Running) -> float:
    _train(run)
    known = max(event["number"] for event in run.status()["events"])
    agent, stopped = run.process(f"agent-{_VICTIM}"), time.time()
    agent.suspend()
    try:
        status = run.until(lambda status: _events(status, known, "Silent", _VICTIM) != [], "silence", 60)
    finally:
        agent.resume()
    silent: float = _events(status, known, "Silent", _VICTIM)[0]["at"]
    return silent - stopped


def _train(run: Running) -> None:
    """Until training has gone on for some seconds."""
    first = _role(run.until(lambda status: _role(status)["step"] > 0, "a step"))["step"]
    run.until(lambda status: _role(status)["step"] > first + 100, "a hundred steps")


def _restart(run: Running) -> Restart:
    before = run.status()
    known = max(event["number"] for event in before["events"])
    killed = time.time()
    run.process(_VICTIM).send_signal(signal.SIGKILL)
    run.until(lambda status: _events(status, known, "Notice", _VICTIM) != [], "the restored model", 180)
    restored = _role(run.status())["step"]
    status = run.until(lambda status: _role(status)["step"] > restored, "the next step", 60)
    stepped = time.time() - _role(status)["lastHeartbeat"]
    failed = _events(status, known, "InstanceFailed", _VICTIM)[0]["at"]
    begins = _events(status, known, "Forming", "job") or _events(status, known, "Restarting", _VICTIM)
    waits = re.search(r", in ([\d.]+) s at the earliest", begins[0]["message"])
    backoff = float(waits[1]) if waits else 0.0
    kinds = (("Running", "job"), ("Joined", _VICTIM), ("Registered", _VICTIM))
    formed = next(found[-1]["at"] for kind, who in kinds if (found := _events(status, known, kind, who)))
    states = [(event["at"], event["message"]) for event in _events(status, known, "State", _VICTIM)]
    training = next(at for at, state in states if state == "Training" and at >= formed)
    notice = _events(status, known, "Notice", _VICTIM)[-1]["at"]
    imports = _role(status)["timings"].get("tensorflow_import_wait", 0.0)
    return Restart(
        detection=failed - killed,
        backoff=backoff,
        scheduling=formed - failed - backoff + max(training - formed - imports, 0.0),
        imports=imports,
        restore=notice - training,
        first_step=max(stepped - notice, 0.0),
    )


def _role(status: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in status["roles"] if f"{r['role']}-{r['index']}" == _VICTIM)
    return found


def _events(status: dict[str, Any], since: int, kind: str, who: str) -> list[dict[str, Any]]:
    return [e for e in status["events"] if e["number"] > since and (e["type"], e["who"]) == (kind, who)]
