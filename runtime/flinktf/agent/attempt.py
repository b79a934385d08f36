"""One attempt of a role instance: from its subtask's HELLO to the end of its TensorFlow process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
import traceback
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, NoReturn, TypeVar

from flinktf.agent.briefing import write_task
from flinktf.agent.ends import (
    AbortedError,
    AttemptFailedError,
    End,
    NothingToDoError,
    StopOverdueError,
    SubtaskGoneError,
    failure_of,
)
from flinktf.agent.gpu import gpu_use
from flinktf.agent.health import Health, look
from flinktf.agent.report import Vitals
from flinktf.agent.role_process import RoleProcess
from flinktf.agent.spec import AgentSpec
from flinktf.agent.subtask import SubtaskConnection
from flinktf.coordinator.client import CoordinatorClient, CoordinatorError, NotRegisteredError, Orders
from flinktf.coordinator.state import UNWELL
from flinktf.ports import hold_port
from flinktf.protocol.frames import FrameType
from flinktf.protocol.hello import Hello

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_HEARTBEAT: Final = 1.0
_TELLING: Final = 3.0
"""Seconds that a coordinator may take to hear of an end: its subtask waits for what follows."""
_LAST_WORDS: Final = 1.0
"""Seconds that a role process has to end after DONE, and a heartbeat on its way to arrive."""
_UNHEARD: Final = 0.2
"""Seconds in which what it has told is heard, when its subtask is gone: whether that was cancelled, or is done."""
_WARN_AFTER: Final = 60.0
"""Seconds without a move that are worth a word, where nobody has said how long is too long."""
_STALLS: Final = {
    "Stopped": "its process is stopped, by SIGSTOP, a debugger or a frozen container",
    "Unresponsive": "its process does not respond; a call outside of Python hangs, or the machine is overloaded",
}
_ECHOES: Final = frozenset({"StreamLostError", "BrokenPipeError", "ConnectionResetError"})
"""What a role process raises because its subtask was cancelled."""


class Attempt:
    """Runs once; :meth:`run` returns when nothing of it is left, but a process that stays for its peers.

    ``ending`` is set when its subtask has hung up or gets its last word: its successor may come from then on. ``ports``
    has the port of each instance that this agent has run: its peers look for it where it was.
    """

    _process: RoleProcess

    def __init__(
        self,
        spec: AgentSpec,
        hello: Hello,
        subtask: SubtaskConnection,
        client: CoordinatorClient,
        ports: dict[str, int],
    ) -> None:
        self._spec = spec
        self._ports = ports
        self._hello = hello
        self._subtask = subtask
        self._client = client
        self.name = f"{hello.role}-{hello.index}"
        self._identity = {"role": hello.role, "index": hello.index, "attempt": hello.attempt}
        self._generation = 0
        self._registration: dict[str, Any] = {}
        self._assigned = False
        self._health = Health()
        self._memory = 0
        self._gpu: dict[str, float] = {}
        self._warned = False
        self._hung_up = asyncio.Event()
        self._leave_by = math.inf
        self._completed = 0
        self._beating = asyncio.Lock()
        self.done: dict[str, Any] | None = None
        self.ending = asyncio.Event()
        self.ended = asyncio.Event()

    async def run(self, process: RoleProcess) -> None:
        self._process = process
        stays = False
        try:
            self._subtask.watch(self._hang_up)
            end = await self._end()
            stays = process.stays and end.outcome == "done"
            # Before its process is ended, where it has not ended itself: its peers' echoes would be heard of first.
            final = end.failure is not None and await self._tell(end)
            if not stays:
                await process.end()
            self.ending.set()
            if end.failure is not None:
                self._subtask.finish(FrameType.FAILED, end.failure | {"final": final})
            else:
                self._subtask.finish(end.frame, end.payload)
                await self._tell(end)
        finally:
            if not stays:
                await process.end()
            self.ending.set()
            self.ended.set()

    async def leave(self) -> None:
        """Its pod is being taken away: it ends when there is a checkpoint, or cannot be one, or when that takes long.

        Raises :class:`CoordinatorError` when nobody answers: then all of the job is being taken away.
        """
        await self._client.preempted(self._identity, _TELLING)
        self._leave_by = time.monotonic() + (self._spec.leave_seconds if self._assigned else 0.0)
        if self._assigned:  # else it may have no process yet, and the next heartbeat is soon enough
            self._process.changed.set()

    def vitals(self, known: Vitals) -> Vitals:
        """``known`` with what this attempt adds."""
        if not self._assigned:
            return replace(known, instance=self.name)
        health, sick = self._health, self._health.activity in UNWELL
        return replace(
            known,
            instance=self.name,
            unready=f"{self.name} is {health.activity}" if sick else None,
            step=self._process.report.step,
            rate=health.rate,
            starvation=health.starvation,
            stuck=health.stuck(time.monotonic()),
            memory=self._memory,
            gpu=self._gpu,
        )

    async def drained(self, seconds: float) -> None:
        """Until its subtask has heard the last word, for so long at most."""
        await self._subtask.closed(seconds)

    def _hang_up(self) -> None:
        self._hung_up.set()
        self.ending.set()

    async def _tell(self, end: End) -> bool:
        """Tells the coordinator of the end; whether the job has failed with it."""
        report, message = self._process.report, end.failure["message"] if end.failure else ""
        _LOG.info("%s generation=%d %s %s", self.name, self._generation, end.outcome, message)
        told = {"outcome": end.outcome, "step": report.step, "rows": report.rows, "failure": end.failure}
        told["generation"] = self._generation
        if end.outcome == "done":
            self.done = self._identity | told
        try:
            async with asyncio.timeout(_TELLING):
                await self._heartbeat()  # the last metrics, notices and model
                return await self._client.exit(self._identity | told)
        except (CoordinatorError, TimeoutError) as error:
            _LOG.error("%s: its end could not be told: %s", self.name, error or f"no answer within {_TELLING:g} s")
            return False

    async def _end(self) -> End:
        report = self._process.report
        try:
            await self._work()
            return End("done")
        except SubtaskGoneError:
            return End("cancelled")
        except AbortedError as error:
            message = "the job has failed" if error.final else "its peers begin again, and it with them"
            aborted = failure_of("Aborted", message) | {"final": error.final}
            return End("cancelled", None, FrameType.FAILED, aborted)
        except NothingToDoError:
            return End("done", None, FrameType.DONE, {"rows": 0, "steps": 0})
        except StopOverdueError:
            _LOG.warning("%s did not stop within %g s: it is ended", self.name, self._spec.stop_grace_seconds)
            return End("done", None, FrameType.DONE, {"rows": report.rows, "steps": report.step})
        except AttemptFailedError as error:
            failure = error.failure
        except CoordinatorError as error:
            failure = failure_of("CoordinatorError", str(error))
        except Exception as error:  # a full disk, no free port, a mistake of ours: nobody shall wait for us for ever
            _LOG.exception("%s", self.name)
            failure = failure_of(type(error).__name__, str(error), traceback.format_exc())
        return End("failed", failure)

    async def _work(self) -> None:
        """Until the role process has ended well. Raises what ended it otherwise."""
        # Held until TensorFlow may have it: its peers are told of the port long before it listens.
        with hold_port(self._spec.host, preferred=self._ports.get(self.name)) as port:
            number = self._ports[self.name] = int(port.getsockname()[1])
            address = f"{self._spec.host}:{number}"
            mine = {"address": address, "taskManager": self._hello.task_manager, "mode": self._hello.mode}
            self._registration = self._identity | mine
            self._generation = await self._client.register(self._registration)
            cluster = await self._unless_ended(self._form())
        task = write_task(self._spec, self._hello, self._generation, cluster, address)
        self._process.assign(task, self._subtask.fileno())
        self._assigned = True
        await self._unless_ended(self._process.wait())
        self._judge()

    async def _form(self) -> dict[str, list[str]]:
        """Waits for the others. The coordinator owns the deadline of this."""
        while True:
            try:
                answer = await self._client.cluster(self._hello.role, self._hello.index, self._hello.attempt)
            except NotRegisteredError:
                await self._register_again()
                continue
            if answer["phase"] == "Running":
                self._generation = answer["generation"]
                cluster: dict[str, list[str]] = answer["cluster"]
                return cluster
            if answer["phase"] == "Done":
                raise NothingToDoError
            if answer["phase"] == "Failed":
                failure = answer["failure"]
                raise AttemptFailedError(failure["type"], f"{failure['instance']}: {failure['message']}")

    async def _unless_ended(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``. Raises what ends the attempt before: its subtask, or the coordinator."""
        working = asyncio.create_task(work)
        gone = asyncio.create_task(self._hung_up.wait())
        obeying = asyncio.create_task(self._obey())
        tasks: tuple[asyncio.Task[Any], ...] = (working, gone, obeying)
        try:
            while True:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if gone.done() and self._assigned:
                    await asyncio.wait([working], timeout=_LAST_WORDS if self._process.report.done else _UNHEARD)
                if working.done():
                    return working.result()
                if obeying.done():
                    obeying.result()
                if not (gone.done() and self._process.report.done):
                    raise SubtaskGoneError
        finally:
            # A heartbeat that is on its way may arrive: what it tells is told once.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS), self._beating:
                    obeying.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _obey(self) -> NoReturn:
        """Tells the coordinator how it goes, and does what it says: beside the work, which must not wait for it."""
        deadline = math.inf
        while True:
            orders = await self._heartbeat()
            command = orders.command
            if self._assigned and orders.completed > self._completed:
                self._completed = orders.completed
                self._process.tell_completed(orders.completed, orders.over)
            if command == "leave" or time.monotonic() > self._leave_by:
                kept = "after a checkpoint" if command == "leave" else "without the checkpoint that it waited for"
                raise AttemptFailedError("Preempted", f"its pod was taken away; it left {kept}")
            if command in ("abort", "fail"):
                raise AbortedError(final=command == "fail")
            if command == "stop" and self._assigned and deadline == math.inf:
                deadline = time.monotonic() + self._spec.stop_grace_seconds
                self._process.stop()
            if time.monotonic() > deadline:
                raise StopOverdueError
            await self._require_moves()
            # A second, or less when there is something to tell. Not wait_for: in Python 3.11 it may swallow a cancel.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await self._process.changed.wait()
            self._process.changed.clear()

    async def _require_moves(self) -> None:
        """Raises :class:`AttemptFailedError` for a process in which nothing has moved for too long."""
        health, now, timeout = self._health, time.monotonic(), self._spec.stall_timeout_seconds
        stuck = health.stuck(now)
        if timeout is not None and health.stalled(now, timeout):
            why = _STALLS.get(health.activity, "it waits neither for records nor for peers")
            message = f"nothing has moved for {stuck:.0f} s (failover.stallTimeout is {timeout:g} s): {why}"
            raise AttemptFailedError("Stalled", message, await self._process.stacks())
        if stuck > _WARN_AFTER and not self._warned and timeout is None:
            text = f"nothing has moved for {stuck:.0f} s; with failover.stallTimeout such an instance is restarted"
            self._process.report.notice(text)
        self._warned = stuck > _WARN_AFTER

    def _judge(self) -> None:
        """What the end of the process means."""
        report = self._process.report
        if report.failure is not None:
            if self._hung_up.is_set() and report.failure["type"] in _ECHOES:
                raise SubtaskGoneError
            words = (report.failure["type"], report.failure["message"], report.failure["traceback"])
            raise AttemptFailedError(*words, self._process.shell_code)
        if not (report.done and (self._process.stays or self._process.exit_code == 0)):
            if self._hung_up.is_set():
                raise SubtaskGoneError
            raise AttemptFailedError(*self._process.unexplained_failure().values())

    async def _register_again(self) -> None:
        """To a coordinator that has restarted: as one that runs already, when its cluster has formed."""
        _LOG.warning("%s: the coordinator has restarted: it is told again", self.name)
        running = {"generation": self._generation} if self._assigned else {}
        generation = await self._client.register(self._registration | running)
        if not self._assigned:
            self._generation = generation
        if self._leave_by != math.inf:
            await self._client.preempted(self._identity, _TELLING)

    async def _heartbeat(self) -> Orders:
        try:
            return await self._beat()
        except NotRegisteredError:
            if not self._registration:
                raise
            await self._register_again()
            return await self._beat()

    async def _beat(self) -> Orders:
        report, now = self._process.report, time.monotonic()
        if self._assigned:
            self._health = look(self._health, self._process.seen(), now)
        health, self._memory, self._gpu = self._health, self._process.memory(), gpu_use()
        async with self._beating:
            notices, report.notices = report.notices, []
            beat = self._identity | {
                "generation": self._generation,
                "state": report.phase.capitalize() if self._assigned else "Forming",
                "step": report.step,
                "rows": report.rows,
                "metrics": report.metrics,
                "timings": report.timings,
                "rss": self._memory,
                "gpu": self._gpu,
                "activity": health.activity,
                "health": {
                    "starvation": round(health.starvation, 3),
                    "rate": round(health.rate, 3),
                    "stuck": round(health.stuck(now), 1),
                },
                "notices": notices,
                "model": report.model,
            }
            try:
                return await self._client.heartbeat(beat)
            except NotRegisteredError:
                report.notices = notices + report.notices
                raise
