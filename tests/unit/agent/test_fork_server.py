"""A real server and real forks, with and without a preloader; only the imports are a fraction of a second's sleep."""

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
from flinktf.processes import Child, kill, spawn
from flinktf.training.forkserver import NAME

SERVER = """
import json, os, signal, socket, subprocess, sys, tempfile, time
from flinktf.training.forkserver import serve
from flinktf.training.preloader import preload
def imports():
    time.sleep({importing})
    return 0.0
option, fd = sys.argv[-2:]
agent = socket.socket(fileno=int(fd))
if option == "--listen-fd":
    agent, _ = preload(agent, imports)
else:
    imports()
control, before = serve(agent)
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

    async def pid(self) -> int:
        """The server tells it after it has forked."""
        while self.fork.pid is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return self.fork.pid

    async def line(self) -> bytes:
        return await asyncio.to_thread(self.control.recv, 1000)


@contextlib.asynccontextmanager
async def server(folder: Path, importing: str = "0", *, preloaded: bool = False) -> AsyncIterator[ForkServer]:
    command = [sys.executable, "-c", SERVER.format(importing=importing)]
    path = folder / "preloader.sock"
    preloader = await preloader_at(path, command) if preloaded else None
    started = await ForkServer.start(spec_in(folder), "worker-0", command, str(path) if preloaded else None)
    try:
        yield started
    finally:
        await started.end()
        if preloader is not None:
            if started.ready:
                psutil.wait_procs(psutil.Process(preloader.process.pid).children(), timeout=10)
                assert not psutil.Process(preloader.process.pid).children()
            kill(preloader)
            await preloader.process.wait()
    assert not [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


async def preloader_at(path: Path, command: list[str]) -> Child:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        words = [*command, "--listen-fd", str(listener.fileno())]
        log = path.with_suffix(".log")
        return await spawn("preloader", words, os.environ, log, path.parent, pass_fds=(listener.fileno(),))


def spec_in(folder: Path) -> AgentSpec:
    return AgentSpec(
        job="job", role="worker", replicas=1, strategy="Independent", socket="", coordinator="", token_file="", host="",
        entrypoint=None, code_path=str(folder), model_path="", checkpoint_path="", storage_path="", work_dir="",
        log_dir=str(folder),
    )  # fmt: skip


with_and_without_a_preloader = pytest.mark.parametrize("preloaded", [False, True])


@with_and_without_a_preloader
@pytest.mark.parametrize("importing", ["0", "0.5"])
async def test_forks_have_a_number_a_folder_and_an_exit_code(tmp_path: Path, importing: str, preloaded: bool) -> None:
    async with server(tmp_path, importing, preloaded=preloaded) as one:
        asked = [Asked(one, tmp_path / str(number)) for number in range(3)]
        (tmp_path / "0").mkdir()
        told = [json.loads(await each.line()) for each in asked]
        assert [each["before"] for each in told] == [0, 1, 2]
        assert told[0]["temporary"] == str(tmp_path / "0")
        assert psutil.Process(asked[1].fork.pid).name() == NAME
        for code, each in enumerate(asked):
            each.control.send(f"exit {code}".encode())
            assert await each.fork.wait() == each.fork.exit_code == code


@with_and_without_a_preloader
async def test_one_that_is_ended_takes_what_it_started_with_it_and_nobody_else(tmp_path: Path, preloaded: bool) -> None:
    async with server(tmp_path, preloaded=preloaded) as one:
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


@with_and_without_a_preloader
async def test_one_that_is_ended_before_the_imports_are_over_does_nothing(tmp_path: Path, preloaded: bool) -> None:
    async with server(tmp_path, "0.5", preloaded=preloaded) as one:
        asked = Asked(one, tmp_path)
        asked.control.send(b"exit 0")
        assert not one.ready
        await asked.fork.end()
        assert one.ready
        assert asked.fork.exit_code in (0, -signal.SIGKILL)


@with_and_without_a_preloader
async def test_a_server_that_is_killed_takes_its_forks_with_it(tmp_path: Path, preloaded: bool) -> None:
    async with server(tmp_path, preloaded=preloaded) as one:
        asked = Asked(one, tmp_path)
        await asked.line()
        os.kill(psutil.Process(await asked.pid()).ppid(), signal.SIGKILL)
        assert await asked.fork.wait() == -signal.SIGKILL
        assert not one.alive
        assert await Asked(one, tmp_path).fork.wait() == (1 if preloaded else -signal.SIGKILL)


@with_and_without_a_preloader
async def test_imports_that_fail_fail_who_waits_for_them(tmp_path: Path, preloaded: bool) -> None:
    async with server(tmp_path, "0.2); raise ImportError('no TensorFlow'", preloaded=preloaded) as one:
        asked = Asked(one, tmp_path)
        assert await asked.fork.wait() == 1
        assert "ImportError: no TensorFlow" in one.log_tail(5)
        await asked.fork.end()


@with_and_without_a_preloader
async def test_a_hundred_requests_at_once(tmp_path: Path, preloaded: bool) -> None:
    async with server(tmp_path, "0.3", preloaded=preloaded) as one:
        asked = [Asked(one, tmp_path) for _ in range(100)]
        for each in asked:
            each.control.send(b"exit 7")
        assert {await each.fork.wait() for each in asked} == {7}


async def test_an_agent_does_not_wait_for_imports_that_it_has_no_use_of_any_more(tmp_path: Path) -> None:
    async with asyncio.timeout(20), server(tmp_path, "30", preloaded=True) as one:
        asked = Asked(one, tmp_path)
        await one.end()
        assert await asked.fork.wait() == 1


async def test_each_agent_has_a_server_and_a_log_of_its_own(tmp_path: Path) -> None:
    async with server(tmp_path, preloaded=True) as one:
        other = await ForkServer.start(spec_in(tmp_path), "worker-1", ["false"], str(tmp_path / "preloader.sock"))
        asked = Asked(one, tmp_path), Asked(other, tmp_path)
        for each in asked:
            await each.line()
        pids = [await each.pid() for each in asked]
        assert len({psutil.Process(pid).ppid() for pid in pids}) == 2
        assert [Path(f"/proc/{pid}/fd/2").readlink().name for pid in pids] == ["worker-0.log", "worker-1.log"]
        await other.end()
        await other.end()  # as an agent does that could not start another one
        assert await asked[1].fork.wait() == -signal.SIGKILL
        assert one.alive
        assert asked[0].fork.exit_code is None


async def test_without_a_preloader_that_has_died_the_agent_imports_itself(tmp_path: Path) -> None:
    path, command = tmp_path / "preloader.sock", [sys.executable, "-c", SERVER.format(importing="0")]
    preloader = await preloader_at(path, command)
    kill(preloader)
    await preloader.process.wait()
    one = await ForkServer.start(spec_in(tmp_path), "worker-0", command, str(path))
    asked = Asked(one, tmp_path)
    assert json.loads(await asked.line())["before"] == 0
    await one.end()
