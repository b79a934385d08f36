"""The TensorFlow processes of a role: ``python -m flinktf.training.process --control-fd N``, or ``--listen-fd N``.

TensorFlow is imported while the cluster still forms. Then there is a process for each attempt of the role, forked from
this one: it waits for its task and the subtask's connection, and runs the entrypoint, or serves, where the strategy
wants a server.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import socket
import sys
import time
from typing import Any, NoReturn

import numpy

from flinktf.ports import accepts
from flinktf.protocol.task import TASK_VARIABLE, Task, task_from_environment
from flinktf.training import forkserver
from flinktf.training.control import Control, receive_assignment
from flinktf.training.entrypoint import load_entrypoint
from flinktf.training.failures import describe
from flinktf.training.preloader import preload


def main() -> None:
    parser = argparse.ArgumentParser(prog="flinktf.training.process")
    sockets = parser.add_mutually_exclusive_group(required=True)
    sockets.add_argument("--control-fd", type=int, help="of the agent whose role this is")
    sockets.add_argument("--listen-fd", type=int, help="where agents ask for a fork server each")
    arguments = parser.parse_args()
    faulthandler.register(signal.SIGUSR1)  # where it hangs, for its agent: also while one thread holds all others up
    if arguments.listen_fd is not None:
        agent, seconds = preload(socket.socket(fileno=arguments.listen_fd), _import)
    else:
        agent = socket.socket(fileno=arguments.control_fd)
        seconds = _import()
    sock, before = forkserver.serve(agent)
    numpy.random.seed()  # else every attempt would draw the same numbers
    control = Control(sock)
    if before == 0:
        control.send("timing", name="tensorflow_import", seconds=seconds)
    control.phase("waiting")
    assignment = receive_assignment(sock)
    if assignment is None:
        _leave(0)
    os.environ[TASK_VARIABLE] = assignment.task_path
    stream = socket.socket(fileno=assignment.stream_fd)
    control.listen(assignment.rest)
    _run_task(task_from_environment(), stream, control)


def _import() -> float:
    """Imports what takes long; the seconds it took. Nothing may touch a device here, or run anything."""
    started = time.monotonic()
    import tensorflow as tf

    _ = tf.keras.Model  # Keras is loaded lazily, and takes a second of its own
    import pyarrow.compute  # noqa: F401

    return round(time.monotonic() - started, 3)


def _run_task(task: Task, stream: socket.socket, control: Control) -> NoReturn:
    from flinktf.training.runtime import Runtime
    from flinktf.training.subtask import Subtask

    os.environ["TF_CONFIG"] = task.tf_config
    subtask = Subtask(stream)
    subtask.ready(task.generation)
    runtime: Runtime | None = None
    try:
        runtime = Runtime(task, subtask, control)
        _work(runtime)
    except BaseException as error:
        if not (isinstance(error, SystemExit) and error.code in (None, 0)):
            _fail(error, control, runtime)
    assert runtime is not None
    try:
        runtime.close()
    except Exception as error:
        _fail(error, control, runtime)
    runtime.discard()
    rows = runtime.rows if runtime.recording is not None else runtime.progress.rows
    steps = runtime.progress.step
    control.send("done", step=steps, rows=rows)
    subtask.done(rows, steps)
    if task.strategy == "Custom" and accepts(task.address):
        # It has a server, and a session of a peer begins when all servers of the cluster have answered.
        control.send("stays")
        while True:
            signal.pause()  # until the agent ends it, or has ended
    _leave(0)


def _work(runtime: Any) -> None:
    task = runtime.task
    entrypoint = load_entrypoint(task)
    if entrypoint is None:
        from flinktf.training.server import serve

        serve(runtime)
        return
    from flinktf.training.context import TFContext

    runtime.control.phase("evaluating" if task.role == "evaluator" else "training")
    entrypoint(TFContext(runtime))


def _fail(error: BaseException, control: Control, runtime: Any) -> NoReturn:
    """Tells the agent. The subtask hears of it from there, when it is known whether the job goes on."""
    failure = describe(error)
    sys.stderr.write(failure.traceback)
    if runtime is not None:
        runtime.progress.flush()
        runtime.discard()
    control.send("failed", **failure._asdict())
    _leave(1)


def _leave(code: int) -> NoReturn:
    """Ends the process whatever threads TensorFlow still has; a normal exit may wait for them for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
