"""The preloader: one import of TensorFlow for all agents of a machine, each of which gets a fork server from it.

For ``flinktf run``, where the agents of a job share the machine's cores: each import takes one of them for seconds. In
a pod there is one agent, which starts its fork server itself.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable
from typing import Final

_CONTROL_AND_LOG: Final = 2
_PATIENCE: Final = 5.0
"""Seconds in which an agent that has connected says what it wants; it does so at once."""


def preload(listener: socket.socket, imports: Callable[[], float]) -> tuple[socket.socket, float]:
    """Imports, and forks for each agent that connects and sends two descriptors: its end of a control socket, a log.

    Returns in each process that was forked: the control socket, and the seconds that the imports took. What they have
    raised is raised there, where it gets into the agent's log.
    """
    failure: BaseException | None = None
    seconds = 0.0
    try:
        seconds = imports()
    except BaseException as error:
        failure = error
    gc.collect()
    gc.freeze()  # what is collected is written to, and what is written to is shared no more
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # their agents know when they have ended
    while True:
        asked = _asked(listener)
        if len(asked) == _CONTROL_AND_LOG and os.fork() == 0:
            listener.close()
            control = _begin(*asked)
            if failure is not None:
                raise failure
            return control, seconds
        for descriptor in asked:
            os.close(descriptor)


def _asked(listener: socket.socket) -> list[int]:
    """The descriptors of the next agent; none of one that has gone."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(_PATIENCE)
        try:
            _, descriptors, _, _ = socket.recv_fds(connection, 1, _CONTROL_AND_LOG)
        except OSError:
            return []
        return descriptors


def _begin(control: int, log: int) -> socket.socket:
    """In the new process, as if its agent had started it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    return socket.socket(fileno=control)
