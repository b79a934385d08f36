"""Faults at random moments, and each record counted: ``python -m faults.random --runs 50 --seed 1``, in ``tests``.

What is done, to which job, and when, follows from the seed; what it meets there, from the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from faults.counting import counting_job
from faults.faults import Both, Fault, Kill
from faults.running import Ended, Running

_COMMON: Final = ("worker-0", "worker-1", "agent-worker-0", "agent-worker-1", "taskmanager-worker-0", "coordinator")
VICTIMS: Final = {
    "MultiWorkerMirrored": (*_COMMON, "taskmanager-pipeline-0"),
    "Independent": (*_COMMON, "taskmanager-pipeline-0"),
    "ParameterServer": (*_COMMON, "taskmanager-pipeline-0", "chief-0", "ps-0", "agent-chief-0", "agent-ps-0"),
}
STREAM_SECONDS: Final = 13


@dataclass(frozen=True)
class Moment:
    """``seconds`` after the run has begun, after its first step, or after that and the fault before."""

    after: Literal["start", "first step", "fault"]
    seconds: float

    def wait(self, run: Running) -> None:
        """Raises :class:`Ended` when the run has ended before."""
        run.until(lambda status: self.after == "start" or stepped(status), "training")
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise Ended(f"exit code {run.popen.wait(self.seconds)}")

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s after the {self.after}"


@dataclass(frozen=True)
class Plan:
    """One run: what is done to which strategy's job, one fault after the other."""

    strategy: str
    faults: tuple[tuple[Moment, Fault], ...]

    def __str__(self) -> str:
        return f"{self.strategy}: " + ", then ".join(f"{fault} {moment}" for moment, fault in self.faults)


def plan(seed: int) -> Plan:
    """Pure: the same seed is the same plan."""
    chance = random.Random(seed)
    strategy = chance.choice(sorted(VICTIMS))

    def fault() -> Fault:
        first, second = chance.sample(VICTIMS[strategy], 2)
        return Both(Kill(first), Kill(second)) if chance.random() < 0.2 else Kill(first)

    training = chance.random() < 0.8
    seconds = round(chance.uniform(0, STREAM_SECONDS / 2 if training else 20), 1)
    faults = [(Moment("first step" if training else "start", seconds), fault())]
    if chance.random() < 0.4:
        faults.append((Moment("fault", round(chance.uniform(0, STREAM_SECONDS / 2), 1)), fault()))
    return Plan(strategy, tuple(faults))


@dataclass(frozen=True)
class Result:
    """``wrong`` is None when each record was there once; ``struck`` counts the faults that found their run alive."""

    wrong: str | None
    struck: int
    seconds: float


def execute(what: Plan, folder: Path) -> Result:
    exact = {"policy": "Gang"} if what.strategy == "ParameterServer" else {}
    job = counting_job(folder, what.strategy, seconds=STREAM_SECONDS, **exact)
    began, struck = time.monotonic(), 0
    try:
        with Running(job.folder) as run:
            with contextlib.suppress(Ended):  # sooner than the fault: the records must be there all the same
                for moment, fault in what.faults:
                    moment.wait(run)
                    fault.inject(run)
                    struck += 1
            code = run.end()
            wrong = job.wrong() if code == 0 else f"exit code {code}"
    except Exception as error:  # whatever it is, the next run is another one
        wrong = f"{type(error).__name__}: {error}"
    return Result(wrong, struck, time.monotonic() - began)


def stepped(status: dict[str, Any]) -> bool:
    return any(role["step"] > 0 for role in status["roles"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults.random", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each next one has the next")
    arguments = parser.parse_args()
    wrong = struck = 0
    for seed in range(arguments.seed, arguments.seed + arguments.runs):
        what = plan(seed)
        folder = Path(tempfile.mkdtemp(prefix=f"flinktf-random-{seed}-"))
        result = execute(what, folder)
        told = f"WRONG, {result.wrong.splitlines()[0]}, see {folder}" if result.wrong else "each record once"
        print(f"{seed}  {what}: {told} ({result.struck} faults, {result.seconds:.0f} s)", flush=True)
        wrong, struck = wrong + bool(result.wrong), struck + result.struck
        if not result.wrong:
            shutil.rmtree(folder)
    print(f"{arguments.runs} runs, {struck} faults, {wrong} wrong", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
