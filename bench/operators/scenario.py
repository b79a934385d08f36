"""One operator on a fresh control plane: jobs created at once, then left alone, then a restart."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.operators.api import NAMESPACE, Api, Sightings
from bench.operators.coordinators import Coordinators, write_stages
from bench.operators.subjects import FlinkTF, Process, Subject
from cluster.apiserver import ControlPlane

_NODES: Final = 40
_LIMIT: Final = 3600.0
_QUIET: Final = 10.0
"""Seconds without a write after which an operator has done what there was to do."""
_TICK: Final = 5.0
_REACTION: Final = 120.0
_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """Times in seconds, for each job from the answer to its creation; ``all_*`` from the first creation to the last
    object of the last job. CPU in seconds, memory in bytes."""

    jobs: int
    children: tuple[float, ...]
    pods: tuple[float, ...]
    all_children: float
    all_pods: float
    writes: int
    cpu: float
    memory: int
    idle_seconds: float
    idle_writes: int
    idle_cpu: float
    reaction: float | None = None


def run(subject: Subject, jobs: int, idle: float) -> Measured:
    """Fresh from the control plane on, so that nothing of one subject weighs on the next."""
    with tempfile.TemporaryDirectory(prefix="flinktf-bench-") as folder:
        stages = write_stages(Path(folder) / "stages.yaml")
        with ControlPlane(nodes=_NODES, stages=stages, folder=Path(folder)) as plane:
            plane.kubectl("create", "namespace", NAMESPACE)
            subject.install(plane)
            plane.kubectl("-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=30s")
            with subject.start(plane) as process:
                return asyncio.run(_measure(subject, jobs, idle, plane, process))


async def _measure(subject: Subject, jobs: int, idle: float, plane: ControlPlane, process: Process) -> Measured:
    async with Coordinators(), Api(plane.kubeconfig) as api:
        sightings = await api.watch(subject.kinds, subject.job_label)
        return await _story(subject, jobs, idle, api, sightings, process)


async def _story(
    subject: Subject, jobs: int, idle: float, api: Api, sightings: Sightings, process: Process
) -> Measured:
    names = [f"job-{number:04}" for number in range(jobs)]
    writes, cpu, began = await asyncio.to_thread(process.writes), _cpu(process.pid), time.monotonic()
    taken = await api.create(subject.plural, map(subject.manifest, names))
    children = await _all(sightings, taken, subject.children)
    pods = await _all(sightings, taken, {"pods": 4})
    written, spent = await _until_quiet(process)
    idle_cpu = _cpu(process.pid)
    await asyncio.sleep(idle)
    idle_cpu, idle_writes = _cpu(process.pid) - idle_cpu, await asyncio.to_thread(process.writes) - written
    memory = _peak(process.pid)
    reaction = await _restart(process, names, api, sightings) if isinstance(process, FlinkTF) else None
    return Measured(
        jobs=jobs,
        children=tuple(sorted(children[name] - taken[name] for name in names)),
        pods=tuple(sorted(pods[name] - taken[name] for name in names)),
        all_children=max(children.values()) - began,
        all_pods=max(pods.values()) - began,
        writes=written - writes,
        cpu=spent - cpu,
        memory=memory,
        idle_seconds=idle,
        idle_writes=idle_writes,
        idle_cpu=idle_cpu,
        reaction=reaction,
    )


async def _all(sightings: Sightings, taken: Mapping[str, float], wanted: Mapping[str, int]) -> dict[str, float]:
    """When each job had all of ``wanted``; waits for the last one."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + _LIMIT
    while len(found) < len(taken):
        for name in taken.keys() - found.keys():
            at = sightings.complete(name, wanted)
            if at is not None:
                found[name] = at
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(taken) - len(found)} jobs lack {', '.join(wanted)} after {_LIMIT:.0f} s")
        await asyncio.sleep(0.5)
    return found


async def _until_quiet(process: Process) -> tuple[int, float]:
    """Waits until nothing is written any more. Returns writes and CPU time at the last write."""
    written, spent = await asyncio.to_thread(process.writes), _cpu(process.pid)
    since = time.monotonic()
    while time.monotonic() - since < _QUIET:
        await asyncio.sleep(_TICK)
        now = await asyncio.to_thread(process.writes)
        if now != written:
            written, spent, since = now, _cpu(process.pid), time.monotonic()
    return written, spent


async def _restart(process: FlinkTF, names: list[str], api: Api, sightings: Sightings) -> float:
    """Kills it; suspends one job and takes a Deployment from another. From the start of the next process until both
    have had the right answer, the later of the two counts."""
    suspended, robbed = names[0], names[-1]
    process.kill()
    stolen = ("deployments", f"{robbed}-worker")
    await api.delete(*stolen)
    await api.change("flinktfjobs", suspended, {"spec": {"suspend": True}})
    await sightings.until(lambda: stolen in sightings.gone, _REACTION)
    del sightings.appeared[robbed][stolen]
    doomed = [("deployments", f"{suspended}-{pool}") for pool in ("jobmanager", "pipeline", "worker")]
    began = time.monotonic()
    process.start(ready=False)
    await sightings.until(
        lambda: stolen in sightings.appeared[robbed] and all(one in sightings.gone for one in doomed), _REACTION
    )
    return max(sightings.appeared[robbed][stolen], *(sightings.gone[one] for one in doomed)) - began


def _cpu(pid: int) -> float:
    """Seconds of user and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _PER_SECOND


def _peak(pid: int) -> int:
    """Bytes that were resident at most."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10
