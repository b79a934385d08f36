"""One attempt of a role instance: from its subtask's HELLO to the end of its TensorFlow process."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any, Final

from flinktf.agent.role_process import RoleProcess
from flinktf.agent.spec import AgentSpec
from flinktf.agent.subtask import SubtaskConnection
from flinktf.coordinator.client import CoordinatorClient, CoordinatorError
from flinktf.ports import hold_port
from flinktf.protocol.frames import VERSIONS, FrameType
from flinktf.protocol.hello import Hello
from flinktf.protocol.task import Task

_LOG: Final = logging.getLogger(__name__)
_HEARTBEAT: Final = 1.0
_LAST_WORDS: Final = 1.0
"""Seconds that a role process has to tell why its subtask is gone, before the attempt counts as cancelled."""
_ECHOES: Final = frozenset({"StreamLostError", "BrokenPipeError", "ConnectionResetError"})
"""What a role process raises because its subtask was cancelled."""


class AttemptFailedError(Exception):
    """The attempt cannot go on, for a reason outside of its TensorFlow process."""

    def __init__(self, kind: str, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.failure = {"type": kind, "message": message, "traceback": traceback}


class SubtaskGoneError(Exception):
    """The subtask closed its connection: the attempt was cancelled."""


class AbortedError(Exception):
    """The coordinator ends the attempt for what happened elsewhere."""


class Attempt:
    """Runs once; :meth:`run` returns when nothing of it is left."""

    def __init__(
        self, spec: AgentSpec, hello: Hello, subtask: SubtaskConnection, process: RoleProcess, client: CoordinatorClient
    ) -> None:
        self._spec = spec
        self._hello = hello
        self._subtask = subtask
        self._process = process
        self._client = client
        self._instance = f"{hello.role}-{hello.index}"
        self._identity = {"role": hello.role, "index": hello.index, "attempt": hello.attempt}
        self._generation = 0
        self._assigned = False
        self._hung_up = asyncio.Event()

    async def run(self) -> None:
        self._subtask.watch(self._hung_up.set)
        outcome, failure = await self._outcome()
        report = self._process.report
        body = self._identity | {"outcome": outcome, "step": report.step, "rows": report.rows, "failure": failure}
        _LOG.info(
            "%s generation=%d %s %s", self._instance, self._generation, outcome, failure["message"] if failure else ""
        )
        try:
            await self._heartbeat()  # the last step, metrics, notices and model
            await self._client.exit(body)
        except CoordinatorError as error:
            _LOG.error("%s: its end could not be told: %s", self._instance, error)
        self._subtask.discard()

    async def _outcome(self) -> tuple[str, dict[str, Any] | None]:
        failure: dict[str, Any] | None
        try:
            # Held until TensorFlow may have it: its peers are told of the port long before it listens.
            with hold_port(self._spec.host) as port:
                cluster = await self._form(port.getsockname()[1])
            self._process.assign(self._write_task(cluster), self._subtask.fileno())
            self._assigned = True
            await self._supervise()
            return "done", None
        except SubtaskGoneError:
            return "cancelled", None
        except AbortedError:
            self._subtask.send(FrameType.FAILED, _refused("Aborted", "the job has failed in another role instance"))
            return "cancelled", None
        except AttemptFailedError as error:
            failure = error.failure
        except CoordinatorError as error:
            failure = {"type": "CoordinatorLost", "message": str(error), "traceback": ""}
        finally:
            await self._process.terminate()
            self._process.close()
        if self._process.report.failure is None:  # else it has told its subtask by itself
            self._subtask.send(FrameType.FAILED, dict(failure))
        return "failed", failure

    async def _form(self, port: int) -> dict[str, list[str]]:
        """Registers and waits for the others. The coordinator owns the deadline of this."""
        hello = self._hello
        address = f"{self._spec.host}:{port}"
        registration = {"address": address, "taskManager": hello.task_manager, "mode": hello.mode}
        self._generation = await self._client.register(self._identity | registration)
        beating = asyncio.create_task(self._beat())
        try:
            while True:
                answer = await self._unless_gone(self._client.cluster(hello.role, hello.index, hello.attempt))
                if answer["phase"] == "Running":
                    self._generation = answer["generation"]
                    cluster: dict[str, list[str]] = answer["cluster"]
                    return cluster
                if answer["phase"] == "Failed":
                    failure = answer["failure"]
                    raise AttemptFailedError(failure["type"], f"{failure['instance']}: {failure['message']}")
        finally:
            beating.cancel()

    async def _supervise(self) -> None:
        """Until the role process has ended well. Raises what ended it otherwise."""
        ended = asyncio.create_task(self._process.wait())
        stopped: float | None = None
        try:
            while not ended.done():
                command = await self._heartbeat()
                if command == "abort":
                    raise AbortedError
                if command == "stop" and stopped is None:
                    stopped = time.monotonic()
                    self._process.stop()
                if stopped is not None and time.monotonic() - stopped > self._spec.stop_grace_seconds:
                    _LOG.warning(
                        "%s did not stop within %g s: it is ended", self._instance, self._spec.stop_grace_seconds
                    )
                    await self._process.terminate()
                    self._say_done()
                    return
                await self._pause(ended)
                if self._hung_up.is_set() and not await self._has_last_words(ended):
                    raise SubtaskGoneError
            self._judge()
        finally:
            ended.cancel()

    def _judge(self) -> None:
        """What the end of the process means."""
        report = self._process.report
        if report.failure is not None:
            if self._hung_up.is_set() and report.failure["type"] in _ECHOES:
                raise SubtaskGoneError
            raise AttemptFailedError(report.failure["type"], report.failure["message"], report.failure["traceback"])
        if not (report.done and self._process.exit_code == 0):
            raise AttemptFailedError(*self._process.unexplained_failure().values())

    def _say_done(self) -> None:
        report = self._process.report
        self._subtask.send(FrameType.DONE, {"rows": report.rows, "steps": report.step})

    async def _has_last_words(self, ended: asyncio.Task[int]) -> bool:
        """Whether the process ends by itself now that its subtask is gone, as it does after DONE or FAILED."""
        await asyncio.wait([ended], timeout=_LAST_WORDS)
        return ended.done() or self._process.report.done

    async def _pause(self, ended: asyncio.Task[int]) -> None:
        """Until the next heartbeat: a second, or less when there is something to tell."""
        changed = asyncio.create_task(self._process.changed.wait())
        gone = asyncio.create_task(self._hung_up.wait())
        await asyncio.wait([ended, changed, gone], timeout=_HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        gone.cancel()
        self._process.changed.clear()

    async def _beat(self) -> None:
        while True:
            await self._heartbeat()
            await asyncio.sleep(_HEARTBEAT)

    async def _heartbeat(self) -> str:
        report = self._process.report
        notices, report.notices = report.notices, []
        return await self._client.heartbeat(
            self._identity
            | {
                "generation": self._generation,
                "state": report.phase.capitalize() if self._assigned else "Forming",
                "step": report.step,
                "rows": report.rows,
                "metrics": report.metrics,
                "timings": report.timings,
                "rss": self._process.memory(),
                "notices": notices,
                "model": report.model,
            }
        )

    async def _unless_gone(self, request: Any) -> Any:
        """The answer to ``request``. Raises :class:`SubtaskGoneError` when the subtask does not wait for it."""
        asked = asyncio.ensure_future(request)
        gone = asyncio.create_task(self._hung_up.wait())
        await asyncio.wait([asked, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not asked.done():
            asked.cancel()
            raise SubtaskGoneError
        return asked.result()

    def _write_task(self, cluster: dict[str, list[str]]) -> Path:
        spec, hello = self._spec, self._hello
        work = Path(spec.work_dir)
        work.mkdir(parents=True, exist_ok=True)
        task = Task(
            job=spec.job,
            role=hello.role,
            index=hello.index,
            replicas=spec.replicas,
            attempt=hello.attempt,
            generation=self._generation,
            strategy=spec.strategy,
            entrypoint=spec.entrypoint,
            code_path=spec.code_path,
            model_path=spec.model_path,
            checkpoint_path=spec.checkpoint_path,
            spool_path=str(work),
            stream_fd=self._subtask.fileno(),
            control_fd=-1,
            mode=hello.mode,
            cluster=cluster,
            parameters=spec.parameters,
            schema=hello.schema,
            output_schema=hello.output_schema,
            restored=hello.restored,
        )
        file = work / "task.json"
        file.touch(mode=0o600)
        file.write_text(task.to_json())
        return file


def refusal(spec: AgentSpec, hello: Hello) -> dict[str, object] | None:
    """The FAILED payload for a HELLO that this agent cannot serve; None when it can. Pure."""
    subtask = f"subtask {hello.index} of {hello.parallelism}"
    if hello.common_version() is None:
        spoken = f"the connector speaks versions {list(hello.versions)}, this role container {list(VERSIONS)}"
        return _refused("VersionMismatch", f"{spoken}: use one release of both")
    if hello.role != spec.role:
        found = f"a subtask of role {hello.role} came to a TaskManager of role {spec.role}"
        return _refused("WrongRole", f"{found}: its slot sharing group is wrong")
    if not 0 <= hello.index < spec.replicas or hello.parallelism != spec.replicas:
        return _refused("WrongParallelism", f"{subtask}, but the manifest says {spec.replicas} replicas of {spec.role}")
    return None


def _refused(kind: str, message: str) -> dict[str, object]:
    return {"type": kind, "message": message, "traceback": ""}
