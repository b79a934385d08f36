"""A real server and real forks; only what it imports is a fraction of a second's sleep."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from flinktf.agent.fork_server import Fork, ForkServer
from flinktf.agent.spec import AgentSpec
from flinktf.training.forkserver import NAME

SERVER = """
import json, os, signal, socket, subprocess, sys, tempfile, time
from flinktf.training.forkserver import serve
time.sleep({importing})
control, before = serve(socket.socket(fileno=int(sys.argv[-1])))
control.sendall(json.dumps({{"before": before, "temporary": tempfile.gettempdir()}}).encode() + b"\\n")
command = control.recv(100).decode()
if command.startswith("exit"):
    os._exit(int(command.split()[1]))
if command == "sleep":
    control.sendall(b"%d\\n" % subprocess.Popen(["sleep", "60"]).pid)
    time.sleep(60)
os._exit(9)
"""


class Asked:
    """A fork, and our end of its control socket."""

    def __init__(self, server: ForkServer, folder: Path) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(20)
        with theirs:
            self.fork: Fork = server.fork(theirs, str(folder))

    async def line(self) -> bytes:
        return await asyncio.to_thread(self.control.recv, 1000)


@contextlib.asynccontextmanager
async def server(folder: Path, importing: str = "0") -> AsyncIterator[ForkServer]:
    spec = AgentSpec(
        job="job", role="worker", replicas=1, strategy="Independent", socket="", coordinator="", token_file="", host="",
        entrypoint=None, code_path=str(folder), model_path="", checkpoint_path="", storage_path="", work_dir="",
        log_dir=str(folder),
    )  # fmt: skip
    code = SERVER.format(importing=importing)
    started = await ForkServer.start(spec, "worker-0", [sys.executable, "-c", code])
    try:
        yield started
    finally:
        await started.end()
    assert not [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("importing", ["0", "0.5"])
async def test_forks_have_a_number_a_folder_and_an_exit_code(tmp_path: Path, importing: str) -> None:
    async with server(tmp_path, importing) as one:
        asked = [Asked(one, tmp_path / str(number)) for number in range(3)]
        (tmp_path / "0").mkdir()
        told = [json.loads(await each.line()) for each in asked]
        assert [each["before"] for each in told] == [0, 1, 2]
        assert told[0]["temporary"] == str(tmp_path / "0")
        assert psutil.Process(asked[1].fork.pid).name() == NAME
        for code, each in enumerate(asked):
            each.control.send(f"exit {code}".encode())
            assert await each.fork.wait() == each.fork.exit_code == code


async def test_one_that_is_ended_takes_what_it_started_with_it_and_nobody_else(tmp_path: Path) -> None:
    async with server(tmp_path) as one:
        victim, other = Asked(one, tmp_path), Asked(one, tmp_path)
        for each in (victim, other):
            await each.line()
            each.control.send(b"sleep")
        child, others = psutil.Process(int(await victim.line())), psutil.Process(int(await other.line()))
        await victim.fork.end()
        assert victim.fork.exit_code == -signal.SIGKILL
        child.wait(10)
        assert others.is_running()
        assert other.fork.exit_code is None
        await other.fork.end()
        with pytest.raises(ProcessLookupError):
            other.fork.signal(signal.SIGUSR1)


async def test_one_that_is_ended_before_the_imports_are_over_does_nothing(tmp_path: Path) -> None:
    async with server(tmp_path, "0.5") as one:
        asked = Asked(one, tmp_path)
        asked.control.send(b"exit 0")
        assert not one.ready
        await asked.fork.end()
        assert one.ready
        assert asked.fork.exit_code in (0, -signal.SIGKILL)


async def test_a_server_that_is_killed_takes_its_forks_with_it(tmp_path: Path) -> None:
    async with server(tmp_path) as one:
        asked = Asked(one, tmp_path)
        await asked.line()
        assert asked.fork.pid is not None
        os.kill(psutil.Process(asked.fork.pid).ppid(), signal.SIGKILL)
        assert await asked.fork.wait() == -signal.SIGKILL
        assert not one.alive
        assert await Asked(one, tmp_path).fork.wait() == -signal.SIGKILL


async def test_imports_that_fail_fail_who_waits_for_them(tmp_path: Path) -> None:
    async with server(tmp_path, "0.2); raise ImportError('no TensorFlow'") as one:
        asked = Asked(one, tmp_path)
        assert await asked.fork.wait() == 1
        assert "ImportError: no TensorFlow" in one.log_tail(5)
        await asked.fork.end()


async def test_a_hundred_requests_at_once(tmp_path: Path) -> None:
    async with server(tmp_path, "0.3") as one:
        asked = [Asked(one, tmp_path) for _ in range(100)]
        for each in asked:
            each.control.send(b"exit 7")
        assert {await each.fork.wait() for each in asked} == {7}
