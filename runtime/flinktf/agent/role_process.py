"""A TensorFlow process: forked, given its task, listened to, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from flinktf.agent.fork_server import ForkServer
from flinktf.agent.health import Pulse, Seen, pulse_from
from flinktf.agent.memory import oom_kills
from flinktf.processes import follow

_LINE_LIMIT: Final = 1 << 20
_TEXT_LIMIT: Final = 32 << 10
"""Characters of a message or a traceback that are passed on; what carries them has 1 MiB."""
_NOTICES: Final = 50
_NOTICE_LENGTH: Final = 1000
_METRICS: Final = 100
_STACKS: Final = 0.5
"""Seconds that a process has to write where it is."""
_PHASES: Final = frozenset({"waiting", "training", "evaluating", "saving", "serving"})


@dataclass
class Report:
    """What a role process has told of itself so far."""

    phase: str = "importing"
    step: int = 0
    rows: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    model: str | None = None
    pulse: Pulse | None = None
    pulse_at: float = 0.0
    done: bool = False
    failure: dict[str, Any] | None = None

    def notice(self, message: str) -> None:
        """Keeps it for the next heartbeat, which holds so many and no more."""
        if len(self.notices) < _NOTICES - 1:
            self.notices.append(message[:_NOTICE_LENGTH])
        elif len(self.notices) < _NOTICES:
            self.notices.append(f"more than {_NOTICES - 1} notices at once: the others were dropped")


class RoleProcess:
    """One process. ``changed`` is set whenever it has told something that should be passed on at once."""

    def __init__(self, server: ForkServer, temporary: Path, echo: bool = False) -> None:
        """Asks ``server`` for it. It waits for :meth:`assign` then. What it leaves in ``temporary`` is removed."""
        self.report = Report()
        self.changed = asyncio.Event()
        self._server = server
        # TensorFlow writes the code that it generates there, and a process that is killed does not clear up.
        self._temporary = tempfile.mkdtemp(dir=temporary)
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        with theirs:
            self._fork = server.fork(theirs, self._temporary)
        self._assigned_at: float | None = None
        self._stays = asyncio.Event()
        self._ended = False
        self._oom_kills = oom_kills()
        self._listening = asyncio.create_task(self._listen())
        self._echoing = asyncio.create_task(follow(server.log, sys.stderr.buffer)) if echo else None

    @property
    def exit_code(self) -> int | None:
        return self._fork.exit_code

    @property
    def stays(self) -> bool:
        """Whether it is done, and its TensorFlow server is there for its peers until :meth:`end`."""
        return self._stays.is_set()

    @property
    def shell_code(self) -> int | None:
        """Its exit code as a shell, or kubectl, has it: 128 and the signal's number when one killed it."""
        code = self.exit_code
        return 128 - code if code is not None and code < 0 else code

    def assign(self, task_file: Path, stream: int) -> None:
        """Hands over the task and the subtask's connection."""
        self._assigned_at = time.monotonic()
        line = json.dumps({"task": str(task_file)}).encode() + b"\n"
        with contextlib.suppress(OSError):  # it has died: its exit code tells
            socket.send_fds(self._control, [line], [stream])

    def stop(self) -> None:
        """Tells it that the job's work is done."""
        with contextlib.suppress(OSError):
            self._control.send(b'{"command": "stop"}\n')

    def tell_completed(self, checkpoint: int, over: Sequence[int]) -> None:
        """Tells it that Flink has completed a checkpoint, and which others will not be restored any more."""
        line = json.dumps({"command": "completed", "checkpoint": checkpoint, "over": list(over)}).encode() + b"\n"
        with contextlib.suppress(OSError):
            self._control.send(line)

    async def wait(self) -> None:
        """Until it has ended and all that it told has been read, or until it is done and stays."""
        ends = asyncio.create_task(self._fork.wait())
        stays = asyncio.create_task(self._stays.wait())
        try:
            await asyncio.wait([ends, stays], return_when=asyncio.FIRST_COMPLETED)
            if ends.done():
                # Its descendants may keep the control socket open; what it told itself is there within a moment.
                await asyncio.wait([self._listening], timeout=1.0)
        finally:
            ends.cancel()
            stays.cancel()

    async def end(self) -> None:
        """Kills what is left of its process group. Nothing in it is worth a grace period that its peers wait for:
        what it writes is there as a whole or not at all, and TensorFlow keeps SIGTERM to itself."""
        if not self._ended:
            self._ended = True
            await self._fork.end()
            self._close()

    def memory(self) -> int:
        """Resident bytes of the process and its descendants."""
        total = 0
        if self._fork.pid is None:
            return total
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self._fork.pid)
            for one in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += one.memory_info().rss
        return total

    def seen(self) -> Seen:
        """What its agent can tell of it from outside."""
        report, stopped = self.report, False
        if self._fork.pid is not None:
            with contextlib.suppress(psutil.Error):
                stopped = psutil.Process(self._fork.pid).status() == psutil.STATUS_STOPPED
        return Seen(report.pulse, report.pulse_at, report.phase, report.step, report.rows, stopped)

    async def stacks(self) -> str:
        """Where its threads are, as far as it can still write that into its log."""
        with contextlib.suppress(ProcessLookupError):
            self._fork.signal(signal.SIGUSR1)
            await asyncio.sleep(_STACKS)
        return self._server.log_tail(40)[-_TEXT_LIMIT:]

    def unexplained_failure(self) -> dict[str, Any]:
        """The failure of a process that ended without saying why; with the last lines of its log."""
        code = self.exit_code
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            kind, message = "OOMKilled", "the container ran out of memory; give it more: resources.limits.memory"
        elif code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = "; perhaps the machine ran out of memory" if -code == signal.SIGKILL else ""
            kind, message = "ProcessKilled", f"killed by signal {-code} ({name}){hint}"
        else:
            kind, message = "ProcessExited", f"exited with code {code} without saying that it was done"
        trace = self._server.log_tail(40)[-_TEXT_LIMIT:]
        return {"type": kind, "message": message, "traceback": trace, "exitCode": self.shell_code}

    def _close(self) -> None:
        self._listening.cancel()
        if self._echoing is not None:
            self._echoing.cancel()
        self._control.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        received = b""
        with contextlib.suppress(OSError):
            while chunk := await loop.sock_recv(self._control, 1 << 16):
                *lines, received = (received + chunk).split(b"\n")
                if len(received) > _LINE_LIMIT:
                    received = b""
                    self.report.notice(f"a control line of more than {_LINE_LIMIT} bytes was dropped")
                for line in lines:
                    self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            self._note(event.pop("event"), event)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.report.notice(f"a control line that makes no sense was dropped: {line[:100]!r}")

    def _note(self, kind: str, event: dict[str, Any]) -> None:
        report = self.report
        if kind == "progress":
            first = report.step == 0
            report.step, report.rows = int(event["step"]), int(event["rows"])
            metrics = list(event.get("metrics", {}).items())[:_METRICS]
            report.metrics = {str(key)[:_NOTICE_LENGTH]: float(value) for key, value in metrics}
            if not first:
                return  # the next heartbeat is soon enough
        elif kind == "phase":
            self._enter(event["phase"])
        elif kind == "pulse":
            report.pulse, report.pulse_at = pulse_from(event), time.monotonic()
            return
        elif kind == "timing":
            report.timings[str(event["name"])] = float(event["seconds"])
        elif kind == "model":
            report.model = str(event["path"])
        elif kind == "notice":
            report.notice(str(event["message"]))
        elif kind == "done":
            report.done, report.step, report.rows = True, int(event["step"]), int(event["rows"])
        elif kind == "stays":
            self._stays.set()
        elif kind == "failed":
            report.failure = {
                "type": str(event["type"])[:_NOTICE_LENGTH],
                "message": str(event["message"])[:_TEXT_LIMIT],
                "traceback": str(event["traceback"])[-_TEXT_LIMIT:],
            }
        self.changed.set()

    def _enter(self, phase: str) -> None:
        if phase not in _PHASES:
            raise ValueError(phase)
        report = self.report
        report.phase = phase
        if phase == "waiting" and self._assigned_at is not None:
            report.timings["tensorflow_import_wait"] = round(time.monotonic() - self._assigned_at, 3)
        elif "task_wait" not in report.timings and self._assigned_at is not None:
            report.timings["task_wait"] = round(time.monotonic() - self._assigned_at, 3)
