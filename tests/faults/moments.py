"""When a fault strikes: context managers that hold a run in a moment for as long as their body takes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from faults.running import Ended, Running

Moment = Callable[[Running], AbstractContextManager[None]]


def at_once(_: Running) -> AbstractContextManager[None]:
    """For what happens by itself."""
    return contextlib.nullcontext()


def training(run: Running) -> AbstractContextManager[None]:
    """Some steps have been made, and there are records left for many more."""
    run.until(lambda status: any(role["step"] > 20 for role in status["roles"]), "twenty steps")
    return contextlib.nullcontext()


@contextlib.contextmanager
def forming(run: Running) -> Iterator[None]:
    """All but one instance have come."""
    with stopped(run, "agent-worker-1"):
        run.until(lambda status: len(status["missing"]) == 1, "all but one")
        yield


@contextlib.contextmanager
def a_barrier(run: Running) -> Iterator[None]:
    """A role has been told BARRIER, and cannot answer: it waits for another one, which is stopped."""
    training(run)
    with stopped(run, "worker-1"):
        run.until(lambda _: _is_held(run.checkpoints()["history"]), "a checkpoint that does not complete")
        yield


def _is_held(checkpoints: list[dict[str, Any]]) -> bool:
    """Not the count: the one that is held may have begun before the instance was stopped."""
    long_ago = 1000 * time.time() - 2000
    return any(one["status"] == "IN_PROGRESS" and one["trigger_timestamp"] < long_ago for one in checkpoints)


@contextlib.contextmanager
def the_end(run: Running) -> Iterator[None]:
    """Every record has been trained on, and the roles save what they have made of them: for a job that ``holds``."""
    run.until(lambda _: any(run.folder.glob("holding-*")), "the end of training")
    try:
        yield
    finally:
        (run.folder / "go-on").touch()


def seconds(duration: float) -> Callable[[Running], None]:
    """For faults that pass by themselves."""

    def wait(run: Running) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise Ended(f"exit code {run.popen.wait(duration)}")

    return wait


def told(words: str) -> Callable[[Running], None]:
    """Until there is an event of the coordinator's with ``words``."""

    def wait(run: Running) -> None:
        run.until(lambda status: any(words in event["message"] for event in status["events"]), words)

    return wait


def its_end(run: Running) -> None:
    """For faults that nobody heals before the run is over."""
    run.end()


@contextlib.contextmanager
def stopped(run: Running, name: str) -> Iterator[None]:
    """SIGSTOP for a process, and SIGCONT unless the fault has ended it."""
    process = run.process(name)
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        if process.is_running():
            process.send_signal(signal.SIGCONT)
