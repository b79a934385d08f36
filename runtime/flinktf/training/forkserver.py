"""The fork server: a process that has imported TensorFlow, and forks another one for each attempt of its role.

An import takes seconds, a fork milliseconds, so a role that fails is back before its Flink subtask is. The server
itself runs nothing of TensorFlow's: what that would start, threads and devices, does not survive a fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import tempfile
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from flinktf.processes import die_with_parent

NAME: Final = "flinktf-role"
"""What ``top`` and ``ps -o comm`` call who is forked: their command lines are all the server's."""
_PR_SET_NAME: Final = 15
_RECEIVE_BYTES: Final = 1 << 16
_MOST_FDS: Final = 16


class Forked(NamedTuple):
    """A new process: the control socket of its own, and how many the server has forked before."""

    control: socket.socket
    before: int


@dataclass
class _Requests:
    """Lines from the agent, ``{"fork": N, "temporary": folder}``, each with a control socket as a descriptor."""

    sock: socket.socket
    _received: bytes = b""
    _fds: list[int] = field(default_factory=list)

    def read(self) -> list[tuple[dict[str, Any], int]] | None:
        """What has come; None when the agent has gone."""
        chunk, fds, _, _ = socket.recv_fds(self.sock, _RECEIVE_BYTES, _MOST_FDS)
        self._fds += fds
        if not chunk:
            return None
        *lines, self._received = (self._received + chunk).split(b"\n")
        return [(json.loads(line), self._fds.pop(0)) for line in lines]


def serve(agent: socket.socket) -> Forked:
    """Forks for as long as there is an agent, and returns in each process that was forked. Exits with its agent."""
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    requests, count = _Requests(agent), 0
    _tell(agent, ready=True)
    gc.collect()
    gc.freeze()  # for good: a collection would write to each object, and so copy the pages that all share
    while True:
        ready, _, _ = select.select([agent, woken], [], [])
        if woken in ready:
            woken.recv(_RECEIVE_BYTES)
            _bury(agent)
        if agent not in ready:
            continue
        asked = requests.read()
        if asked is None:
            os._exit(0)  # the kernel ends who was forked
        for number, (request, fd) in enumerate(asked):
            server = os.getpid()
            pid = os.fork()
            if pid == 0:
                woken.close()
                wake.close()
                for _, of_another in asked[number + 1 :]:
                    os.close(of_another)
                _begin(agent, server, request["temporary"])
                return Forked(socket.socket(fileno=fd), count)
            count += 1
            os.close(fd)
            _lead(pid)
            _tell(agent, forked=request["fork"], pid=pid)


def _begin(agent: socket.socket, server: int, temporary: str) -> None:
    """In the new process: nothing of the server's stays but what is imported."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    agent.close()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, NAME.encode(), 0, 0, 0)
    die_with_parent()
    if os.getppid() != server:
        os._exit(0)
    _lead(os.getpid())
    os.environ["TMPDIR"] = temporary
    tempfile.tempdir = None


def _lead(pid: int) -> None:
    """Makes it the leader of a process group, which its agent can kill as a whole; whoever comes first, of the two."""
    try:
        os.setpgid(pid, pid)
    except OSError:  # it has ended, or was the first
        return


def _bury(agent: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell(agent, exited=pid, code=os.waitstatus_to_exitcode(status))


def _tell(agent: socket.socket, **values: int) -> None:
    with contextlib.suppress(OSError):  # the agent has gone: what is read next says so
        agent.sendall(json.dumps(values).encode() + b"\n")
