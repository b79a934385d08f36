"""The agent: waits for its TaskManager's subtask, and runs one attempt after the other."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import shutil
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from flinktf.agent.attempt import Attempt
from flinktf.agent.briefing import refusal
from flinktf.agent.endpoint import application
from flinktf.agent.ends import failure_of
from flinktf.agent.fork_server import ForkServer, command_for
from flinktf.agent.report import Vitals
from flinktf.agent.role_process import RoleProcess
from flinktf.agent.spec import AgentSpec
from flinktf.agent.subtask import SubtaskConnection
from flinktf.coordinator.client import CoordinatorClient, CoordinatorError
from flinktf.protocol.frames import FrameType, ProtocolError

_LOG: Final = logging.getLogger(__name__)
_SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a unix socket's path on Linux."""
_HANDOVER: Final = 1.0
"""Seconds within which an attempt that has lost its subtask notices: no successor is refused before."""
_REMINDER: Final = 2.0
_PATIENCE: Final = 60.0
"""Seconds that a coordinator may be away before a role is ended for it."""


class AgentError(Exception):
    """The agent cannot start; the text says why."""


class Agent:
    """One for each role TaskManager. ``command`` starts the fork server of its role processes, unless it is from the
    ``preloader``, a socket."""

    def __init__(self, spec: AgentSpec, command: Sequence[str] | None = None, preloader: str | None = None) -> None:
        self._spec = spec
        self._preloader = preloader
        self._command = command or command_for(spec)
        self._server: ForkServer | None = None
        self._attempt: Attempt | None = None
        self._process: RoleProcess | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: dict[str, Any] | None = None
        self._leaving = asyncio.Event()
        # The socket tells agents of one machine apart, and is what an agent has in common with the one before.
        mark = hashlib.sha256(spec.socket.encode()).hexdigest()[:12]
        self._temporary = Path(tempfile.gettempdir(), f"flinktf-{mark}")
        self._ports: dict[str, int] = {}
        self._served = 0

    async def run(self) -> None:
        """Until cancelled, or until it has left; then nothing of it is left."""
        token = Path(self._spec.token_file).read_text().strip()
        endpoint = await self._answer(token)
        try:
            await self._run(token)
        finally:
            if endpoint is not None:
                await endpoint.cleanup()

    async def _run(self, token: str) -> None:
        listener = _listen(self._spec.socket)
        # Whoever was killed before us has left what its role process had there.
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        try:
            # Long before the cluster is known: the import of TensorFlow passes while Flink comes up.
            self._server = await self._fork_server()
            async with CoordinatorClient(self._spec.coordinator, token, _PATIENCE) as client:
                accepting = asyncio.create_task(self._accept(listener, client))
                self._tasks.add(accepting)
                self._tasks.add(asyncio.create_task(self._remind(client)))
                leaving = asyncio.create_task(self._leaving.wait())
                await asyncio.wait([accepting, leaving], return_when=asyncio.FIRST_COMPLETED)
                leaving.cancel()
                if accepting.done():
                    accepting.result()
                accepting.cancel()
                await self._part()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._server is not None:
                await self._server.end()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._end_before()
            listener.close()
            Path(self._spec.socket).unlink(missing_ok=True)
            shutil.rmtree(self._temporary, ignore_errors=True)

    def leave(self) -> None:
        """Its pod is being taken away. No further subtask is served, and the one that is leaves in good order."""
        self._leaving.set()

    def vitals(self) -> Vitals:
        """How the role process is doing."""
        known = Vitals(self._spec.job, self._spec.role, attempts=self._served)
        if (attempt := self._attempt) is not None:
            return attempt.vitals(known)
        if self._server is not None and not self._server.ready:
            return replace(known, unready="TensorFlow is being imported")
        return known

    async def _answer(self, token: str) -> web.AppRunner | None:
        if self._spec.port is None:
            return None
        runner = web.AppRunner(application(self, token), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, self._spec.host, self._spec.port).start()
        return runner

    async def _part(self) -> None:
        if (attempt := self._attempt) is None:
            return
        _LOG.info("%s: this pod is being taken away", attempt.name)
        try:
            async with asyncio.timeout(self._spec.leave_seconds + _HANDOVER):
                await attempt.leave()
                await attempt.ended.wait()
            await attempt.drained(_HANDOVER)
        except (CoordinatorError, TimeoutError) as error:
            _LOG.warning("%s leaves without a word: %s", attempt.name, error)

    async def _accept(self, listener: socket.socket, client: CoordinatorClient) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(True)
            task = asyncio.create_task(self._serve(SubtaskConnection(sock), client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, subtask: SubtaskConnection, client: CoordinatorClient) -> None:
        try:
            hello = await subtask.hello()
        except (ProtocolError, OSError) as error:
            _LOG.error("a connection was refused: %s", error)
            subtask.finish(FrameType.FAILED, failure_of("ProtocolError", str(error)))
            return
        refused = refusal(self._spec, hello) or await self._busy()
        if refused is not None:
            _LOG.error("%s-%d was refused: %s", hello.role, hello.index, refused["message"])
            subtask.finish(FrameType.FAILED, refused)
            return
        _LOG.info("%s-%d attempt=%d has come, mode=%s", hello.role, hello.index, hello.attempt, hello.mode)
        self._served += 1
        attempt = self._attempt = Attempt(self._spec, hello, subtask, client, self._ports)
        self._done = None
        try:
            self._server = await self._fork_server()
            await self._end_before()
            process = self._process = RoleProcess(self._server, self._temporary, self._spec.echo)
            await attempt.run(process)
            self._done = attempt.done
        except OSError as error:
            _LOG.error("no role process: %s", error)
            subtask.finish(FrameType.FAILED, failure_of("ProcessNotStarted", str(error)))
        finally:
            self._attempt = None

    async def _remind(self, client: CoordinatorClient) -> None:
        """What is done is told again and again: a coordinator that restarts hears of it from nobody else."""
        while True:
            await asyncio.sleep(_REMINDER)
            if self._done is not None:
                with contextlib.suppress(CoordinatorError):
                    await client.exit(self._done)

    async def _end_before(self) -> None:
        """Ends the process of the attempt before, which may have stayed for its peers, with its port."""
        if self._process is not None:
            await self._process.end()

    async def _fork_server(self) -> ForkServer:
        """The one that there is, or a new one when that has died. Raises OSError."""
        if (server := self._server) is not None:
            if server.alive:
                return server
            await server.end()
        return await ForkServer.start(self._spec, self._log_name(), self._command, self._preloader)

    async def _busy(self) -> dict[str, Any] | None:
        """Why another subtask cannot be served; None as soon as the one before has ended, if it is about to.

        Flink starts the next attempt as soon as the subtask of the one before is gone; its role process is gone later.
        """
        while (attempt := self._attempt) is not None:
            try:
                async with asyncio.timeout(_HANDOVER):
                    await attempt.ending.wait()
            except TimeoutError:
                return failure_of("AlreadyRunning", f"this TaskManager already runs {attempt.name}")
            await attempt.ended.wait()
        return None

    def _log_name(self) -> str:
        """Role processes start before their index is known, so their log is named after their TaskManager."""
        return Path(self._spec.work_dir).name


def _listen(path: str) -> socket.socket:
    """Raises :class:`AgentError` for a path that cannot be listened on."""
    if len(path.encode()) > _SOCKET_PATH_LIMIT:
        raise AgentError(f"the socket's path {path} is longer than {_SOCKET_PATH_LIMIT} bytes: choose a shorter folder")
    if Path(path).is_socket():
        Path(path).unlink()  # of an agent that was killed
    elif Path(path).exists():
        raise AgentError(f"{path} is not a socket: it is in the way of the agent's")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    Path(path).chmod(0o600)
    listener.listen()
    listener.setblocking(False)
    return listener
