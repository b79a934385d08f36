"""The agent: waits for its TaskManager's subtask, and runs one attempt after the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flinktf.agent.attempt import Attempt, refusal
from flinktf.agent.role_process import COMMAND, RoleProcess
from flinktf.agent.spec import AgentSpec
from flinktf.agent.subtask import SubtaskConnection
from flinktf.coordinator.client import CoordinatorClient
from flinktf.protocol.frames import FrameType, ProtocolError

_LOG: Final = logging.getLogger(__name__)
_SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a unix socket's path on Linux."""
_PATIENCE: Final = 60.0
"""Seconds that a coordinator may be away before a role is ended for it."""


class AgentError(Exception):
    """The agent cannot start; the text says why."""


class Agent:
    """One for each role TaskManager. ``command`` starts a role process."""

    def __init__(self, spec: AgentSpec, command: Sequence[str] = COMMAND) -> None:
        self._spec = spec
        self._command = command
        self._warm: RoleProcess | None = None
        self._busy: str | None = None
        self._attempts: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; then nothing of it is left."""
        token = Path(self._spec.token_file).read_text().strip()
        listener = _listen(self._spec.socket)
        try:
            # Long before the cluster is known: the import of TensorFlow passes while Flink comes up.
            self._warm = await RoleProcess.start(self._spec, self._log_name(), self._command)
            async with CoordinatorClient(self._spec.coordinator, token, _PATIENCE) as client:
                loop = asyncio.get_running_loop()
                while True:
                    sock, _ = await loop.sock_accept(listener)
                    sock.setblocking(True)
                    task = asyncio.create_task(self._serve(SubtaskConnection(sock), client))
                    self._attempts.add(task)
                    task.add_done_callback(self._attempts.discard)
        finally:
            for task in self._attempts:
                task.cancel()
            await asyncio.gather(*self._attempts, return_exceptions=True)
            if self._warm is not None:
                await self._warm.terminate()
                self._warm.close()
            listener.close()
            Path(self._spec.socket).unlink(missing_ok=True)

    async def _serve(self, subtask: SubtaskConnection, client: CoordinatorClient) -> None:
        try:
            hello = await subtask.hello()
        except (ProtocolError, OSError) as error:
            _LOG.error("a connection was refused: %s", error)
            subtask.send(FrameType.FAILED, {"type": "ProtocolError", "message": str(error), "traceback": ""})
            subtask.close()
            return
        refused = refusal(self._spec, hello)
        if refused is None and self._busy is not None:
            message = f"this TaskManager already runs {self._busy}"
            refused = {"type": "AlreadyRunning", "message": message, "traceback": ""}
        if refused is not None:
            _LOG.error("%s-%d was refused: %s", hello.role, hello.index, refused["message"])
            subtask.send(FrameType.FAILED, refused)
            subtask.discard()
            return
        self._busy = f"{hello.role}-{hello.index}"
        _LOG.info("%s attempt=%d has come, mode=%s", self._busy, hello.attempt, hello.mode)
        try:
            process, self._warm = self._warm, None
            if process is None or process.exit_code is not None:
                process = await RoleProcess.start(self._spec, self._log_name(), self._command)
            await Attempt(self._spec, hello, subtask, process, client).run()
        finally:
            self._busy = None

    def _log_name(self) -> str:
        """Role processes start before their index is known, so their log is named after their TaskManager."""
        return Path(self._spec.work_dir).name


def _listen(path: str) -> socket.socket:
    """Raises :class:`AgentError` for a path that cannot be listened on."""
    if len(path.encode()) > _SOCKET_PATH_LIMIT:
        raise AgentError(f"the socket's path {path} is longer than {_SOCKET_PATH_LIMIT} bytes: choose a shorter folder")
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()  # of an agent that was killed
    listener.bind(path)
    Path(path).chmod(0o600)
    listener.listen()
    listener.setblocking(False)
    return listener
