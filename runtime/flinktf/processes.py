"""Child processes that never outlive their parent.

Three nets, each for what the ones before let through: an orderly end that asks, waits and then kills whole process
groups; PR_SET_PDEATHSIG, by which the kernel kills a child when the parent is killed; PR_SET_CHILD_SUBREAPER, by which
grandchildren that lost their parent become ours and are found at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import psutil

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_TAIL_BYTES: Final = 1 << 16
_LARGEST_LOG: Final = 1 << 24
_FOLLOW_EVERY: Final = 0.5
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Child:
    """A running child: ``name`` for people, ``log`` the file that has its output; ``started`` as time.monotonic()."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its output, of at most 64 KiB."""
        return tail(self.log, lines)


def tail(log: Path, lines: int) -> str:
    """The last lines of a file, of at most 64 KiB; nothing when it cannot be read."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(-min(_TAIL_BYTES, log.stat().st_size), os.SEEK_END)
        return "\n".join(file.read(_TAIL_BYTES).decode(errors="replace").splitlines()[-lines:])
    return ""


def become_subreaper() -> None:
    """Orphaned descendants of this process become its children instead of init's."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """The kernel kills this process when the thread that has forked it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def spawn(
    name: str, command: list[str], environment: Mapping[str, str], log: Path, cwd: Path, pass_fds: tuple[int, ...] = ()
) -> Child:
    """Starts a child in a session of its own. Call from the main thread: PDEATHSIG follows the forking thread."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
            preexec_fn=die_with_parent,
        )
    return Child(name, process, log)


async def follow(log: Path, output: BinaryIO) -> None:
    """Copies what is written to ``log`` to ``output``, until cancelled; then what is left of it.

    For containers, whose logs are their output. The file is cut when it has become large: its writer appends.
    """
    position = 0
    try:
        while True:
            position = _copy(log, position, output)
            await asyncio.sleep(_FOLLOW_EVERY)
    finally:
        _copy(log, position, output)


def _copy(log: Path, position: int, output: BinaryIO) -> int:
    """Returns the position up to which has been copied."""
    try:
        with log.open("rb") as file:
            file.seek(position)
            while chunk := file.read(_TAIL_BYTES):
                output.write(chunk)
                position += len(chunk)
        output.flush()
        if position > _LARGEST_LOG:
            os.truncate(log, 0)
            return 0
    except OSError:  # not there yet, or nobody reads the output any more
        pass
    return position


async def terminate(children: Iterable[Child], grace: float) -> None:
    """Ends the children's process groups: SIGTERM, ``grace`` seconds, SIGKILL. Returns when they are gone."""
    children = tuple(children)
    running = [child for child in children if child.exit_code is None]
    for child in running:
        _signal_group(child, signal.SIGTERM)
    if running:
        await asyncio.wait([asyncio.ensure_future(child.process.wait()) for child in running], timeout=grace)
    for child in children:
        kill(child)
    await asyncio.gather(*(child.process.wait() for child in children))


def kill(child: Child) -> None:
    """Ends a child's process group at once."""
    _signal_group(child, signal.SIGKILL)


def bury_orphans(children: Iterable[Child]) -> None:
    """Reaps those that have become ours by :func:`become_subreaper` and have ended: nobody else would."""
    ours = {child.process.pid for child in children}
    with contextlib.suppress(ChildProcessError):  # there is none at all
        # Looked at first, and left: asyncio waits for those of ours itself.
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in ours:
            os.waitpid(ended.si_pid, os.WNOHANG)


def kill_descendants(seconds: float = 5.0) -> list[str]:
    """The last net: kills and reaps every descendant that is left; returns their names."""
    found: list[str] = []
    deadline = time.monotonic() + seconds
    while (left := psutil.Process().children(recursive=True)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.name())
                    process.kill()
        psutil.wait_procs(left, timeout=0.2)
    return found


def _signal_group(child: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)
