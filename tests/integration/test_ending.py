"""However a run ends, no process and no port of it is left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import termios
import time
from pathlib import Path

import psutil
import pytest

from integration.harness import JobFolder, job_folder, processes_of

ENDLESS = """
    import time

    def main(context):
        while True:
            time.sleep(0.1)
"""


def _wait_for(condition: object, what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def _listening(processes: list[psutil.Process]) -> set[int]:
    ports: set[int] = set()
    for process in processes:
        try:
            ports |= {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
        except psutil.Error:  # gone, or not ours: init's
            continue
    return ports


def _started(folder: JobFolder) -> tuple[subprocess.Popen[str], set[int]]:
    """A run whose role process is in user code, and the ports that its processes listen on."""
    process = folder.start()
    marker = folder.path / "started"
    _wait_for(lambda: marker.exists() or process.poll() is not None, "the role process", 90)
    assert process.poll() is None, process.communicate()[0]
    ports = _listening(psutil.Process(process.pid).children(recursive=True))
    assert len(ports) >= 3
    return process, ports


@pytest.fixture
def endless(tmp_path: Path) -> JobFolder:
    train = ENDLESS.replace("while True", f"open({str(tmp_path / 'started')!r}, 'w').close()\n        while True")
    return job_folder(tmp_path, train)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
    ids=lambda n: n.name,
)
def test_a_signal_leaves_nothing_behind(endless: JobFolder, number: signal.Signals) -> None:
    process, ports = _started(endless)
    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=40)
    if number == signal.SIGKILL:
        assert process.returncode == -9
    else:
        assert process.returncode == 128 + number, output
        assert f"{number.name}: stopped" in output
    _wait_for(lambda: not processes_of(endless.path), f"all processes gone: {processes_of(endless.path)}", 15)
    _wait_for(lambda: not ports & _listening(list(psutil.process_iter())), "all ports closed", 15)


def test_a_closed_terminal_leaves_nothing_behind(endless: JobFolder) -> None:
    leader, follower = os.openpty()
    process = subprocess.Popen(
        endless.command(),
        cwd=endless.path,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        # The run's own terminal: closing the other end of it is what closing a window does.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )
    os.close(follower)
    os.set_blocking(leader, False)
    marker = endless.path / "started"

    def drained() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(leader, 65536)
        return marker.exists() or process.poll() is not None

    _wait_for(drained, "the role process", 90)
    assert process.poll() is None
    os.close(leader)
    process.wait(timeout=40)
    _wait_for(lambda: not processes_of(endless.path), f"all processes gone: {processes_of(endless.path)}", 15)
