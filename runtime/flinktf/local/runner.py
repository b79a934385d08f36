"""Runs one manifest on this machine, from the first process to the last word."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from flinktf import processes
from flinktf.api import LoadedManifest, notices
from flinktf.coordinator.client import CoordinatorClient, CoordinatorError
from flinktf.flink import distribution
from flinktf.flink.rest import TERMINAL, CheckpointRequests, FlinkRest, FlinkUnreachable
from flinktf.flink.submission import Outcome, read_outcome
from flinktf.local import layout
from flinktf.local.cluster import JOBMANAGER, Cluster, Ports
from flinktf.local.progress import Progress
from flinktf.local.snapshot import Failure, Snapshot, from_status
from flinktf.local.summary import summary
from flinktf.ports import free_port, require_free
from flinktf.processes import Child

_LOOK_EVERY: Final = 0.5
_STARTING: Final = 60.0
"""Seconds that the coordinator may take to answer first, and Flink to take up a job."""
_SETTLING: Final = 20.0
"""Seconds between the end that one side saw (coordinator, Flink) and the one that the other must see then."""
_GRACE: Final = 8.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Options:
    """What ``flinktf run`` was asked for besides the manifest."""

    runs: Path
    ui_port: int | None = None
    keep: bool = False


class RunError(Exception):
    """The run cannot start or go on; the failure says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def run(manifest: LoadedManifest, options: Options, console: Console) -> int:
    """The exit code: 0 when the job succeeded, 1 when it failed, 128 + the signal's number when one ended it."""
    found = distribution.find()
    rest = require_free(options.ui_port, "--ui-port") if options.ui_port else free_port()
    rpc = free_port(frozenset({rest}))
    ports = Ports(rpc, rest, coordinator=free_port(frozenset({rest, rpc})))
    processes.become_subreaper()
    folders = layout.create(manifest.job.metadata.name, options.runs)
    cluster = Cluster(manifest, found, folders, ports, uuid.uuid4().hex)
    for notice in notices(manifest.job):
        console.print(f"notice: {notice.path}: {notice.message}", highlight=False, soft_wrap=True, markup=False)
    try:
        return asyncio.run(_with_signals(cluster, console))
    finally:
        processes.kill_descendants()
        if not options.keep:
            folders.remove_temporary()


async def _with_signals(cluster: Cluster, console: Console) -> int:
    loop = asyncio.get_running_loop()
    received: list[signal.Signals] = []
    task = asyncio.ensure_future(_run(cluster, console))

    def interrupt(number: signal.Signals) -> None:
        # The first signal asks for an orderly end; another one means now: kill_descendants() follows.
        if received:
            for child in cluster.children:
                processes.kill(child)
        received.append(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupt, number)
    try:
        return await task
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # a closed terminal cannot be written to
            console.print(f"{received[0].name}: stopped, nothing is left running", highlight=False)
        return 128 + received[0]
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _run(cluster: Cluster, console: Console) -> int:
    name = cluster.manifest.job.metadata.name
    last = Snapshot(at=0.0, phase="Starting", flink="starting", generation=0, instances=())
    with Progress(console, name) as progress:
        try:
            async for last in _looks(cluster, progress):
                progress.show(last)
        except RunError as error:
            last = replace(last, phase="Failed", failure=error.failure)
        finally:
            await asyncio.shield(_teardown(cluster))
    for line in summary(name, last, cluster.layout.logs, _submitted_at(cluster)):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    return 1 if last.failure else 0


def _submitted_at(cluster: Cluster) -> float | None:
    return read_outcome(cluster.outcome_file).submitted_at if cluster.outcome_file.exists() else None


async def _teardown(cluster: Cluster) -> None:
    # From the outside in: an agent that goes first would look like a failure to the Flink job that is being ended.
    await processes.terminate(cluster.children, _GRACE)


async def _looks(cluster: Cluster, progress: Progress) -> AsyncIterator[Snapshot]:
    """Starts everything and yields a look at the job twice a second until it has ended. Raises :class:`RunError`."""
    began = time.monotonic()
    coordinator = await cluster.start_coordinator()
    await cluster.start_flink()
    driver = await cluster.start_driver()
    await _listens(cluster, coordinator)
    await cluster.start_agents()
    watch = Watch(cluster, driver, time.monotonic())
    token = cluster.layout.token.read_text()
    # Without patience: while it waited, nobody would begin a coordinator again that has died.
    async with (
        CoordinatorClient(cluster.coordinator_url, token, patience=0.0) as client,
        FlinkRest(cluster.rest_url) as rest,
    ):
        while True:
            for line in await cluster.revive():
                progress.say(line)
            await _tell_of_flink(client, rest, watch)
            snapshot = await _look(client, rest, watch, time.monotonic() - began)
            if snapshot is None:
                await asyncio.sleep(_LOOK_EVERY)
                continue
            with contextlib.suppress(FlinkUnreachable):
                await watch.checkpoints.look(rest, cluster.job_id, snapshot.checkpoint_wanted)
            yield snapshot
            ended = watch.judge(snapshot, time.monotonic())
            if ended is not None:
                if ended.failure and not snapshot.failure:
                    ended = replace(ended, failure=await _flink_failure(rest, cluster.job_id, ended.failure))
                yield await watch.until_the_program_has_ended(ended)
                return
            await asyncio.sleep(_LOOK_EVERY)


async def _tell_of_flink(client: CoordinatorClient, rest: FlinkRest, watch: Watch) -> None:
    """As the driver does in a pod: whether a failure is the end, the coordinator says."""
    job_id = watch.cluster.job_id
    with contextlib.suppress(FlinkUnreachable, CoordinatorError):
        state = await rest.job_state(job_id) if watch.submitted() else None
        if state is not None:
            servers = watch.cluster.manifest.job.spec.servers
            told = await rest.told(job_id, state, (watch.told or {}).get("checkpoint"), servers)
            told["granted"] = watch.checkpoints.granted
            if told != watch.told:
                await client.flink(told)
                watch.told = told


async def _look(client: CoordinatorClient, rest: FlinkRest, watch: Watch, at: float) -> Snapshot | None:
    """None while the coordinator does not answer; it may have to be begun again."""
    try:
        status = await client.status()
    except CoordinatorError as error:
        watch.require_answer(error, time.monotonic())
        return None
    watch.answered = time.monotonic()
    flink = "starting"
    if watch.submitted():
        with contextlib.suppress(FlinkUnreachable):
            flink = await rest.job_state(watch.cluster.job_id) or "submitted"
    return from_status(status, flink, at)


async def _flink_failure(rest: FlinkRest, job_id: str, failure: Failure) -> Failure:
    """Flink's own story, where the coordinator has none: a source that cannot be read, for example."""
    with contextlib.suppress(FlinkUnreachable):
        trace = await rest.root_exception(job_id)
        if trace:
            causes = [line for line in trace.splitlines() if line.startswith("Caused by: ")]
            root = causes[-1].removeprefix("Caused by: ") if causes else trace.splitlines()[0]
            kind, _, message = root.partition(": ")
            return Failure("Flink", kind.rsplit(".", 1)[-1], message or root, trace)
    return failure


async def _listens(cluster: Cluster, coordinator: Child) -> None:
    file = cluster.layout.coordinator_port
    deadline = time.monotonic() + _STARTING
    while not file.exists():
        if coordinator.exit_code is not None or time.monotonic() > deadline:
            raise RunError(_died(coordinator))
        await asyncio.sleep(0.02)


def _died(child: Child) -> Failure:
    message = f"ended with exit code {child.exit_code}; its log is {child.log}"
    if child.name == JOBMANAGER:
        message += "; it had the job's checkpoints in its memory: 'flinktf run' begins the job from its beginning"
    return Failure(child.name, "ProcessExited", message, child.log_tail())


class Watch:
    """Judges from the looks at a job when it has ended, and how."""

    def __init__(self, cluster: Cluster, driver: Child, started: float) -> None:
        self.cluster = cluster
        self.told: dict[str, Any] | None = None
        self.checkpoints = CheckpointRequests()
        self._driver = driver
        self._outcome: Outcome | None = None
        self.answered = started
        self._settling: float | None = None
        limit = cluster.manifest.job.spec.active_deadline_seconds
        self._deadline = started + limit if limit is not None else None

    def submitted(self) -> bool:
        """Whether the driver has submitted the job. Raises :class:`RunError` when it could not."""
        if self._outcome is None:
            if not self.cluster.outcome_file.exists():
                if self._driver.exit_code is None:
                    return False
                raise RunError(_died(self._driver))
            self._outcome = read_outcome(self.cluster.outcome_file)
            if self._outcome.error:
                raise RunError(Failure("driver", "NotSubmitted", self._outcome.error))
        return self._outcome is not None

    def require_answer(self, error: CoordinatorError, at: float) -> None:
        """Raises :class:`RunError` when the coordinator has been silent for too long, or cannot be begun again."""
        self.require_children()
        if at - self.answered > _STARTING:
            raise RunError(Failure("coordinator", "Unreachable", str(error)))

    def require_children(self) -> None:
        """Raises :class:`RunError` when a process has ended that cannot be begun again."""
        lost = self.cluster.lost()
        if lost is not None:
            raise RunError(_died(lost))

    def judge(self, now: Snapshot, at: float) -> Snapshot | None:
        """The last look, when the job has ended; None while it goes on."""
        if now.flink in TERMINAL and now.phase in ("Succeeded", "Failed"):
            return self._ended(now)
        if now.flink in TERMINAL or now.phase == "Failed":
            # One side has seen the end. The other one must see it soon; a failure is not kept from the user for it.
            self._settling = self._settling or at
            if at - self._settling > _SETTLING:
                return self._ended(now)
            return None
        # Roles that are done do not end the Flink job: it may have other sinks, and the rest of a stream is discarded.
        # Flink ends it, or the user, or the deadline.
        self.require_children()
        if self._deadline is not None and at > self._deadline:
            limit = self.cluster.manifest.job.spec.active_deadline_seconds
            message = f"still running after {limit} s, spec.activeDeadlineSeconds"
            return replace(now, failure=Failure(now.phase, "DeadlineExceeded", message))
        return None

    async def until_the_program_has_ended(self, ended: Snapshot) -> Snapshot:
        """A program that has waited for its job may go on: what it says then, or raises, counts too."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLING):
                await self._driver.process.wait()
        if ended.failure or not self._driver.exit_code:
            return ended
        message = f"the job's program ended with exit code {self._driver.exit_code} after it had submitted the job"
        return replace(ended, failure=Failure("driver", "ProgramFailed", message, self._driver.log_tail()))

    def _ended(self, now: Snapshot) -> Snapshot:
        if now.failure or (now.flink == "FINISHED" and now.phase == "Succeeded"):
            return now
        message = f"Flink's job is {now.flink}, the roles are {now.phase}; see {self.cluster.layout.logs}"
        return replace(now, failure=Failure("Flink", now.flink, message))
