"""An agent's side of its role's fork server (:mod:`flinktf.training.forkserver`), and of who is forked there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from flinktf.agent.spec import AgentSpec
from flinktf.processes import Child, kill, spawn, tail

_LAST_WORDS: Final = 1.0
"""Seconds that a fork server has to end when it has hung up, or to tell that what it has forked has ended."""
COMMAND: Final = (sys.executable, "-m", "flinktf.training.process")


def command_for(spec: AgentSpec) -> tuple[str, ...]:
    """What starts the fork server: in the environment that the manifest brings, where it brings one."""
    given = {"--requirements": spec.requirements, "--archive": spec.archive}
    options = [word for option, file in given.items() if file is not None for word in (option, file)]
    if not options:
        return COMMAND
    into = str(Path(spec.work_dir, "environment"))
    return (sys.executable, "-m", "flinktf.agent.environment", *options, "--into", into)


def environment_of(spec: AgentSpec) -> dict[str, str]:
    """The variables of a fork server, and so of all that it forks."""
    paths = [spec.code_path, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        **spec.env,
    }


def _preloaded(preloader: str, control: socket.socket, log: Path) -> bool:
    """Whether the preloader was asked for a fork server that has ``control`` and writes to ``log``."""
    with socket.socket(socket.AF_UNIX) as asked, log.open("ab") as output:
        try:
            asked.connect(preloader)
            socket.send_fds(asked, [b"\n"], [control.fileno(), output.fileno()])
        except OSError:  # it has died: the imports are our own affair
            return False
    return True


async def _end(child: Child) -> None:
    """Of a fork server that has hung up: it is about to end, and has nobody to speak to."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS):
            await child.process.wait()
    kill(child)
    await child.process.wait()


class Fork:
    """One forked process. ``pid`` is None until the server has come to it, which is when its imports are over."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self._begun = asyncio.Event()
        self._exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def exit_code(self) -> int | None:
        """As of :mod:`subprocess`: a negative one is a signal's."""
        return self._exited.result() if self._exited.done() else None

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        return await asyncio.shield(self._exited)

    async def end(self) -> None:
        """Kills its process group, as soon as there is one; returns when it has ended."""
        await self._begun.wait()
        if self.pid is not None and not self._exited.done():
            for to in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    to(self.pid, signal.SIGKILL)
        await self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Raises ProcessLookupError."""
        if self.pid is None or self._exited.done():
            raise ProcessLookupError
        os.kill(self.pid, number)

    def begun(self, pid: int) -> None:
        self.pid = pid
        self._begun.set()

    def exited(self, code: int) -> None:
        if not self._exited.done():
            self._exited.set_result(code)
        self._begun.set()


class ForkServer:
    """Started with its agent: the imports pass while Flink comes up. ``child`` is None when preloaded."""

    def __init__(self, log: Path, control: socket.socket, child: Child | None) -> None:
        self.log = log
        self._control = control
        control.setblocking(False)
        self._child = child
        self._asked: dict[int, Fork] = {}
        self._running: dict[int, Fork] = {}
        self._count = 0
        self.ready = False
        """Whether its imports are over."""
        self._listening = asyncio.create_task(self._listen())
        self._listening.add_done_callback(lambda _: self._lose_all())

    @classmethod
    async def start(
        cls, spec: AgentSpec, instance: str, command: Sequence[str] = COMMAND, preloader: str | None = None
    ) -> Self:
        """From the preloader, where there is one, else by ``command``. Raises OSError.

        All that it and what it forks print goes to one log, named after ``instance``.
        """
        ours, theirs = socket.socketpair()
        log = Path(spec.log_dir, f"{instance}.log")
        with theirs:
            if preloader is not None and _preloaded(preloader, theirs, log):
                return cls(log, ours, None)
            words = [*command, "--control-fd", str(theirs.fileno())]
            child = await spawn(
                instance, words, environment_of(spec), log, Path(spec.code_path), pass_fds=(theirs.fileno(),)
            )
        return cls(log, ours, child)

    @property
    def alive(self) -> bool:
        return not self._listening.done() and (self._child is None or self._child.exit_code is None)

    @property
    def _exit_code(self) -> int:
        """1 as long as it is not known, and of who is not our child."""
        code = self._child.exit_code if self._child is not None else None
        return 1 if code is None else code

    def log_tail(self, lines: int) -> str:
        return tail(self.log, lines)

    def fork(self, control: socket.socket, temporary: str) -> Fork:
        """Asks for a process that has ``control`` and its temporary files in ``temporary``."""
        fork = Fork()
        if not self.alive:
            fork.exited(self._exit_code)
            return fork
        self._count += 1
        self._asked[self._count] = fork
        line = json.dumps({"fork": self._count, "temporary": temporary}).encode() + b"\n"
        with contextlib.suppress(OSError):  # it has died: its end is about to be heard of
            socket.send_fds(self._control, [line], [control.fileno()])
        return fork

    async def end(self) -> None:
        """Ends all that it has forked, and then itself. The kernel would end them too, but later than this returns."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await asyncio.gather(*(fork.end() for fork in tuple(self._running.values())))
        if self._child is not None:
            kill(self._child)
        elif not self.ready:
            self._listening.cancel()  # its preloader may be busy for long, and it ends as soon as it begins
        elif self.alive:
            self._control.shutdown(socket.SHUT_WR)  # without an agent it ends
        await asyncio.wait([self._listening])
        self._control.close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        received = b""
        with contextlib.suppress(OSError, ValueError, KeyError):  # what makes no sense ends it as well
            while chunk := await loop.sock_recv(self._control, 1 << 16):
                *lines, received = (received + chunk).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        if self._child is not None:
            await _end(self._child)

    def _lose_all(self) -> None:
        for fork in self._asked.values():
            fork.exited(self._exit_code)  # its imports failed, for example
        for fork in self._running.values():
            fork.exited(-signal.SIGKILL)  # the kernel has killed it with its parent

    def _hear(self, told: dict[str, Any]) -> None:
        if "ready" in told:
            self.ready = True
        elif "forked" in told:
            fork = self._running[told["pid"]] = self._asked.pop(told["forked"])
            fork.begun(told["pid"])
        else:
            self._running.pop(told["exited"]).exited(told["code"])
