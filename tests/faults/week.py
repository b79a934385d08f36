"""A week in an hour: an unbounded stream, a fault every 30 to 90 s, and what the run holds at its start and at its end.

``python -m faults.week --minutes 60 --seed 1``, in ``tests``. The exit code is 0 when nothing has grown.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from faults.counting import endless_job
from faults.faults import Kill
from faults.random import VICTIMS
from faults.running import Running, restarts

_KINDS: Final = {
    "flinktf.training.process": "TensorFlow",
    "flinktf.agent": "agent",
    "flinktf.coordinator": "coordinator",
    "/conf/taskmanager-": "TaskManager",
    "/conf/jobmanager": "JobManager",
    "flinktf.cli.main": "flinktf run",
}
_WARM_UP: Final = 0.1
"""Of the time: JVMs take their memory as they need it for the first time. The figures from its end are the start's."""
_SLACK: Final = {"processes": 0, "files": 20, "sockets": 20, "MiB": 200, "MiB of the longest-lived": 100, "on disk": 50}
"""How much more of each there may be in the end: JVMs and TensorFlow take what they need as they need it."""


@dataclass(frozen=True)
class Figures:
    """What a run holds: by name, and its processes by kind."""

    totals: Mapping[str, int]
    kinds: Mapping[str, str]

    def grown(self, before: Figures) -> list[str]:
        return [
            f"{name}: {before.totals[name]} at the start, {now} in the end"
            for name, now in self.totals.items()
            if now > before.totals[name] + _SLACK[name]
        ]


def figures(run: Running) -> Figures:
    """``on disk``: files that are neither logs nor checkpoints."""
    root = psutil.Process(run.popen.pid)
    totals = dict.fromkeys(_SLACK, 0)
    kinds: dict[str, list[int]] = {}
    for process in (root, *root.children(recursive=True)):
        totals["processes"] += 1
        if process.status() == psutil.STATUS_ZOMBIE:  # Flink's scripts have just run in it, or nobody cares for it
            kinds.setdefault("zombie", [0, 0, 0, 0])[0] += 1
            continue
        line = " ".join(process.cmdline())
        kind = next((name for mark, name in _KINDS.items() if mark in line), process.name())
        memory = process.memory_info().rss >> 20
        sockets = len(process.net_connections("all"))
        files = process.num_fds() - sockets
        totals["files"] += files
        totals["sockets"] += sockets
        totals["MiB"] += memory
        totals["MiB of the longest-lived"] += memory if kind in ("JobManager", "flinktf run") else 0
        found = kinds.setdefault(kind, [0, 0, 0, 0])
        for at, number in enumerate((1, memory, files, sockets)):
            found[at] += number
    totals["on disk"] = sum(1 for folder in run.temporary() for path in folder.rglob("*") if path.is_file())
    told = {kind: f"{n} x, {m} MiB, {f} files, {s} sockets" for kind, (n, m, f, s) in kinds.items()}
    return Figures(totals, told)


def trains(run: Running, more: int) -> None:
    """Until every instance has begun anew, ``more`` times in all, and then has made steps."""
    first: dict[str, Any] = {}

    def begun(status: dict[str, Any]) -> bool:
        if sum(restarts(status).values()) < more or any(role["state"] != "Training" for role in status["roles"]):
            first.clear()
            return False
        now = {f"{role['role']}-{role['index']}": role["step"] for role in status["roles"]}
        first.update({name: step for name, step in now.items() if name not in first})
        return all(step > first[name] for name, step in now.items())

    run.until(begun, "training goes on", seconds=240)


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults.week", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="flinktf-week-"))
    took: list[float] = []
    with Running(endless_job(folder, "MultiWorkerMirrored").folder) as run:
        trains(run, 0)
        before, began_at = figures(run), time.monotonic()
        deadline = began_at + arguments.minutes * 60
        while time.monotonic() < deadline:
            if time.monotonic() < began_at + _WARM_UP * arguments.minutes * 60:
                before = figures(run)
            victim = chance.choice(VICTIMS["MultiWorkerMirrored"])
            restarted = 0 if victim == "coordinator" else sum(restarts(run.status()).values()) + 1
            began = time.monotonic()
            Kill(victim).inject(run)
            trains(run, restarted)
            took.append(time.monotonic() - began)
            print(f"{victim} killed: training went on after {took[-1]:.1f} s", flush=True)
            time.sleep(chance.uniform(30, 90))
        after = figures(run)
    report(before, after, took)
    shutil.rmtree(folder)
    return 1 if after.grown(before) else 0


def report(before: Figures, after: Figures, took: list[float]) -> None:
    print(f"{len(took)} faults; training went on after {statistics.median(took):.1f} s (median), {max(took):.1f} s")
    for title, what in (("at the start", before), ("in the end", after)):
        print(title)
        for name, number in what.totals.items():
            print(f"  {name:<25} {number:>8,}")
        for kind, told in sorted(what.kinds.items()):
            print(f"    {kind:<23} {told}")
    print("\n".join(after.grown(before)) or "nothing has grown", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
