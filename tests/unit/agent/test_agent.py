"""A real agent, a real coordinator, real sockets and processes; only TensorFlow is played (fake_role.py)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from flinktf.agent.agent import Agent, AgentError
from flinktf.agent.briefing import refusal
from flinktf.agent.spec import AgentSpec
from flinktf.coordinator.client import CoordinatorClient, CoordinatorError
from flinktf.coordinator.failover import Policy
from flinktf.coordinator.machine import begin
from flinktf.coordinator.server import Coordinator, application
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import FlinkJob, FlinkTold, JobState
from flinktf.ports import free_port
from flinktf.protocol.connection import Frame, read_frame, send_frame
from flinktf.protocol.frames import FrameType
from flinktf.protocol.hello import parse_hello

ROLE = [sys.executable, str(Path(__file__).parent / "fake_role.py")]
HELLO: dict[str, Any] = {
    "versions": [1], "job": "job", "jobId": "2f", "role": "worker", "index": 0, "parallelism": 1, "attempt": 0,
    "mode": "sink", "taskManager": "tm-1", "schema": None, "outputSchema": None, "restored": None,
}  # fmt: skip


@dataclass
class Stage:
    """One agent and its coordinator."""

    coordinator: Coordinator
    spec: AgentSpec
    url: str
    server: TestServer
    agent: Agent
    running: asyncio.Task[None]

    def connect(self) -> socket.socket:
        subtask = socket.socket(socket.AF_UNIX)
        subtask.settimeout(20)
        subtask.connect(self.spec.socket)
        return subtask

    def hello(self, **changes: Any) -> socket.socket:
        subtask = self.connect()
        send_frame(subtask, FrameType.HELLO, json.dumps(HELLO | changes).encode())
        return subtask

    async def state(self, phase: str) -> JobState:
        for _ in range(400):
            if self.coordinator.state.phase == phase:
                return self.coordinator.state
            await asyncio.sleep(0.025)
        raise AssertionError(f"never {phase}: {self.coordinator.state}")

    async def instance(self, state: str) -> None:
        await self.until(lambda now: now.instances["worker", 0].state == state)

    async def until(self, condition: Callable[[JobState], bool]) -> None:
        for _ in range(400):
            if condition(self.coordinator.state):
                return
            await asyncio.sleep(0.025)
        raise AssertionError(f"never: {self.coordinator.state}")


async def answer(subtask: socket.socket) -> Frame:
    frame = await asyncio.to_thread(read_frame, subtask)
    assert frame is not None
    return frame


@contextlib.asynccontextmanager
async def stage(
    tmp_path: Path,
    behaviour: str,
    *,
    replicas: int = 1,
    token: str = "secret",
    policy: Policy = Policy("Job"),  # noqa: B008 - frozen
    checkpoints: bool = False,
    **spec: Any,
) -> AsyncIterator[Stage]:
    shape = JobShape(
        "job", (("worker", replicas),), "Independent", 20.0, checkpoints=checkpoints, failover={"worker": policy}
    )
    coordinator = Coordinator(begin(shape, time.monotonic()))
    (tmp_path / "token").write_text(f"{token}\n")
    async with TestServer(application(coordinator, "secret")) as server:
        ticking = asyncio.create_task(coordinator.tick())
        url = str(server.make_url("")).rstrip("/")
        agent_spec = AgentSpec(
            job="job", role="worker", replicas=replicas, strategy="Independent", socket=str(tmp_path / "a.sock"),
            coordinator=url, token_file=str(tmp_path / "token"), host="127.0.0.1", entrypoint=behaviour,
            code_path=str(tmp_path), model_path="", checkpoint_path="", storage_path="",
            work_dir=str(tmp_path / "work" / "worker-0"), log_dir=str(tmp_path), **spec,
        )  # fmt: skip
        agent = Agent(agent_spec, ROLE)
        running = asyncio.create_task(agent.run())
        try:
            for _ in range(200):
                if Path(agent_spec.socket).exists() or running.done():
                    break
                await asyncio.sleep(0.025)
            yield Stage(coordinator, agent_spec, url, server, agent, running)
        finally:
            running.cancel()
            ticking.cancel()
            await asyncio.gather(running, ticking, return_exceptions=True)
    assert not [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


async def test_a_job_from_hello_to_done(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        subtask = s.hello()
        assert await answer(subtask) == (FrameType.READY, b'{"version": 1, "generation": 1}')
        for _ in range(3):
            send_frame(subtask, FrameType.DATA, bytes(1 << 20))
        send_frame(subtask, FrameType.END)
        assert await answer(subtask) == (FrameType.DONE, b'{"rows": 30, "steps": 3}')
        subtask.close()
        state = await s.state("Succeeded")
        instance = state.instances["worker", 0]
        assert (instance.step, instance.rows, instance.metrics) == (3, 30, {"loss": 0.5})
        assert instance.task_manager == "tm-1"


@pytest.mark.parametrize(
    ("behaviour", "kind", "message", "detail"),
    [
        ("raise", "ValueError", "too sour", "Traceback …"),
        ("exit", "ProcessExited", "exited with code 3 without saying that it was done", "the last words of worker"),
        ("die", "ProcessKilled", "killed by signal 9 (SIGKILL); perhaps", "the last words of worker"),
    ],
)
async def test_a_failure_is_told_to_both_sides(
    tmp_path: Path, behaviour: str, kind: str, message: str, detail: str
) -> None:
    async with stage(tmp_path, behaviour) as s:
        subtask = s.hello()
        assert (await answer(subtask)).type is FrameType.READY
        frame = await answer(subtask)
        told = json.loads(frame.payload)
        assert (frame.type, told["type"]) == (FrameType.FAILED, kind)
        state = await s.state("Failed")
        assert state.failure is not None
        for found in (told["message"], state.failure.message):
            assert message in found
        assert detail in told["traceback"]
        assert state.failure.type == kind
        # Nobody reads any more, and the subtask can write what it likes: it must not wait for ever.
        for _ in range(20):
            await asyncio.to_thread(send_frame, subtask, FrameType.DATA, bytes(1 << 20))
        subtask.close()


async def test_a_log_without_line_ends_fits_into_a_frame(tmp_path: Path) -> None:
    async with stage(tmp_path, "verbose") as s:
        subtask = s.hello()
        await answer(subtask)
        told = json.loads((await answer(subtask)).payload)
        assert told["type"] == "ProcessExited"
        assert told["traceback"].endswith("x" * 1000)
        await s.state("Failed")


async def test_a_process_that_dies_before_its_frame_is_spoken_for(tmp_path: Path) -> None:
    async with stage(tmp_path, "half told") as s:
        subtask = s.hello()
        await answer(subtask)
        frame = await answer(subtask)
        assert (frame.type, json.loads(frame.payload)["message"]) == (FrameType.FAILED, "too sour")


async def test_a_process_that_talks_without_end_does_no_harm(tmp_path: Path) -> None:
    async with stage(tmp_path, "chatter") as s:
        subtask = s.hello()
        await answer(subtask)
        assert (await answer(subtask)).type is FrameType.DONE
        state = await s.state("Succeeded")
        assert len(state.instances["worker", 0].metrics) == 100
        notices = [event["message"] for event in s.coordinator.events.newest() if event["type"] == "Notice"]
        assert any("the others were dropped" in notice for notice in notices)


async def test_a_subtask_that_does_not_read_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with stage(tmp_path, "die of results") as s:
        subtask = s.hello(mode="transform")
        await s.state("Failed")
        for _ in range(20):
            await asyncio.to_thread(send_frame, subtask, FrameType.DATA, bytes(1 << 20))
        while (frame := await answer(subtask)).type is not FrameType.FAILED:
            pass
        assert json.loads(frame.payload)["type"] == "ProcessExited"


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("hang", "it waits neither for records nor for peers"),
        ("stop", "its process is stopped"),
        ("fall silent", "its process does not respond"),
    ],
)
async def test_a_process_in_which_nothing_moves_is_given_up(tmp_path: Path, behaviour: str, why: str) -> None:
    timeout = 6.0 if behaviour == "fall silent" else 2.0  # five seconds are no silence yet
    async with stage(tmp_path, behaviour, stall_timeout_seconds=timeout) as s:
        subtask = s.hello()
        await answer(subtask)
        told = json.loads((await answer(subtask)).payload)
        assert told["type"] == "Stalled"
        assert f"(failover.stallTimeout is {timeout:g} s): {why}" in told["message"]
        if behaviour == "hang":
            assert "fake_role.py" in told["traceback"]  # where it hangs
        await s.state("Failed")


async def test_a_process_that_is_stopped_is_shown_as_such(tmp_path: Path) -> None:
    async with stage(tmp_path, "stop") as s, contextlib.AsyncExitStack() as stack:
        stack.enter_context(s.hello())
        await s.until(lambda now: now.instances["worker", 0].health.activity == "Stopped")
        assert [event["who"] for event in s.coordinator.events.newest() if event["type"] == "Stopped"] == ["worker-0"]


async def test_a_death_is_told_while_the_coordinator_is_away(tmp_path: Path) -> None:
    async with stage(tmp_path, "die when told") as s:
        subtask = s.hello()
        await answer(subtask)
        await s.server.close()
        await asyncio.sleep(1.5)  # a heartbeat waits for it
        subtask.sendall(b"x")
        began = time.monotonic()
        assert (await answer(subtask)).type is FrameType.FAILED
        assert time.monotonic() - began < 5


async def test_a_successor_waits_for_the_process_before_it(tmp_path: Path) -> None:
    async with stage(tmp_path, "deaf") as s:
        first = s.hello()
        await answer(first)
        first.close()  # its process does not listen, and is there for seconds
        second = s.hello(attempt=1)
        assert (await answer(second)).type is FrameType.READY  # not refused as AlreadyRunning


async def test_what_goes_wrong_in_the_agent_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        (tmp_path / "work").write_text("a file where the folder should be")
        told = json.loads((await answer(s.hello())).payload)
        assert told["type"] == "NotADirectoryError"
        state = await s.state("Failed")
        assert state.failure is not None
        assert state.failure.type == "NotADirectoryError"


async def test_a_wrong_token_fails_the_subtask(tmp_path: Path) -> None:
    async with stage(tmp_path, "read", token="guess") as s:
        told = json.loads((await answer(s.hello())).payload)
        assert told["type"] == "CoordinatorError"
        assert "the token is missing or wrong" in told["message"]
        assert "secret" not in told["message"]


async def test_a_hello_in_drips_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flinktf.agent.subtask._HELLO_TIMEOUT", 0.5)
    async with stage(tmp_path, "read") as s:
        stranger = s.connect()
        for byte in (b"F", b"T", b"\x01"):
            stranger.sendall(byte)
            await asyncio.sleep(0.1)
        assert "no HELLO within 0.5 s" in json.loads((await answer(stranger)).payload)["message"]


async def test_a_subtask_that_hangs_up_takes_its_process_with_it(tmp_path: Path) -> None:
    async with stage(tmp_path, "deaf") as s:
        subtask = s.hello()
        await answer(subtask)
        subtask.close()
        await s.instance("Cancelled")


async def test_a_subtask_that_hangs_up_while_the_others_are_missing(tmp_path: Path) -> None:
    async with stage(tmp_path, "read", replicas=2) as s:
        subtask = s.hello(parallelism=2)
        for _ in range(200):
            if s.coordinator.state.instances["worker", 0].attempt == 0:
                break
            await asyncio.sleep(0.025)
        subtask.close()
        for _ in range(200):
            if s.coordinator.state.instances["worker", 0].state == "Cancelled":
                return
            await asyncio.sleep(0.025)
        raise AssertionError(s.coordinator.state)


async def test_the_next_attempt_is_served_after_the_first(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        for attempt in (0, 1):
            subtask = s.hello(attempt=attempt)
            frame = await answer(subtask)
            assert frame.type is FrameType.READY
            if attempt == 0:
                second = s.hello()
                refused = json.loads((await answer(second)).payload)
                assert "already runs worker-0" in refused["message"]
                second.close()
                subtask.close()
        send_frame(subtask, FrameType.END)
        assert (await answer(subtask)).type is FrameType.DONE


@pytest.mark.parametrize(
    ("bytes_sent", "message"),
    [
        (b"FT\x01\x00\x00\x00\x00\x09{", "within a frame"),
        (b"FT\x01\x00\x7f\xff\xff\xff", "larger than 1048576"),
        (b"GET / HTTP/1.1\r\n\r\n", "not a flinktf frame"),
        (b"FT\x07\x00\x00\x00\x00\x00", "the first frame is END, not HELLO"),
        (b"FT\x01\x00\x00\x00\x00\x02{}", "HELLO lacks 'versions'"),
        (b"", "closed before HELLO"),
    ],
)
async def test_what_is_not_a_hello_is_refused_and_the_next_one_served(
    tmp_path: Path, bytes_sent: bytes, message: str
) -> None:
    async with stage(tmp_path, "read") as s:
        stranger = s.connect()
        stranger.sendall(bytes_sent)
        stranger.shutdown(socket.SHUT_WR)
        frame = await answer(stranger)
        assert frame.type is FrameType.FAILED
        assert message in json.loads(frame.payload)["message"]
        subtask = s.hello()
        assert (await answer(subtask)).type is FrameType.READY
        send_frame(subtask, FrameType.END)
        assert (await answer(subtask)).type is FrameType.DONE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"versions": [2]}, "the connector speaks versions [2], this role container [1]"),
        ({"role": "ps"}, "a subtask of role ps came to a TaskManager of role worker"),
        ({"index": 1}, "subtask 1 of 1, but the manifest says 1 replicas"),
        ({"parallelism": 3}, "subtask 0 of 3, but the manifest says 1 replicas"),
    ],
)
async def test_a_hello_that_cannot_be_served(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    async with stage(tmp_path, "read") as s:
        refused = refusal(s.spec, parse_hello(json.dumps(HELLO | changes).encode()))
        assert refused is not None
        assert message in str(refused["message"])
        frame = await answer(s.hello(**changes))
        assert message in json.loads(frame.payload)["message"]


async def test_garbage_on_the_control_socket_is_a_notice(tmp_path: Path) -> None:
    async with stage(tmp_path, "garbage") as s:
        subtask = s.hello()
        await answer(subtask)
        await s.state("Succeeded")
        notices = [event["message"] for event in s.coordinator.events.newest() if event["type"] == "Notice"]
        assert len([notice for notice in notices if "makes no sense" in notice]) == 2


async def test_a_wrong_token_is_said_and_not_told(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        async with CoordinatorClient(s.url, "guess") as client:
            with pytest.raises(CoordinatorError, match="the token is missing or wrong") as caught:
                await client.status()
        assert "secret" not in str(caught.value)


async def test_a_socket_path_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    spec = AgentSpec(
        "job", "worker", 1, "Independent", "/tmp/" + "x" * 110, "http://localhost:1", str(tmp_path / "token"),
        "127.0.0.1", None, str(tmp_path), "", "", "", str(tmp_path), str(tmp_path),
    )  # fmt: skip
    with pytest.raises(AgentError, match="longer than 107 bytes: choose a shorter folder"):
        await Agent(spec, ROLE).run()


async def test_a_file_in_the_way_of_the_socket_is_not_removed(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        spec = replace(s.spec, socket=str(tmp_path / "token"))
        with pytest.raises(AgentError, match="is not a socket"):
            await Agent(spec, ROLE).run()
    assert (tmp_path / "token").read_text() == "secret\n"


async def test_a_role_process_dies_with_an_agent_that_is_killed(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        spec = replace(s.spec, socket=str(tmp_path / "b.sock"))
        (tmp_path / "agent.json").write_text(spec.to_json())
        code = f"import sys; sys.argv[1:] = ['--spec', {str(tmp_path / 'agent.json')!r}]\n"
        code += "import flinktf.agent.role_process as r; from flinktf.agent.agent import Agent\n"
        code += f"Agent.__init__.__defaults__ = ({ROLE!r}, None)\nfrom flinktf.agent.__main__ import main; main()"
        agent = subprocess.Popen([sys.executable, "-c", code])  # noqa: ASYNC220
        deadline = time.monotonic() + 20
        while not (children := psutil.Process(agent.pid).children()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        agent.kill()
        agent.wait()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive


async def test_what_a_process_leaves_in_its_temporary_folder_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (temporary := tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    async with stage(tmp_path, "leave a file and die") as s:
        subtask = s.hello()
        assert (await answer(subtask)).type is FrameType.READY
        assert (await answer(subtask)).type is FrameType.FAILED
        (folder,) = temporary.iterdir()
        assert Path((tmp_path / "left").read_text()).is_relative_to(folder)
        assert not list(folder.iterdir())
    assert not folder.exists()
    folder.mkdir()
    (folder / "of an agent that was killed").touch()
    async with stage(tmp_path, "read"):
        assert not list(folder.iterdir())


async def test_a_restarted_coordinator_gets_its_agent_back(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        subtask = s.hello()
        await answer(subtask)
        await s.state("Running")
        port = s.server.port
        assert port is not None
        await s.server.close()
        s.coordinator = Coordinator(begin(s.coordinator.state.shape, time.monotonic()))
        async with TestServer(application(s.coordinator, "secret"), port=port):
            state = await s.state("Running")
            assert (state.generation, state.instances["worker", 0].restarts) == (1, 0)
            send_frame(subtask, FrameType.END)
            assert (await answer(subtask)).type is FrameType.DONE
            subtask.close()
            await s.state("Succeeded")


async def test_a_restarted_coordinator_hears_what_is_done(tmp_path: Path) -> None:
    async with stage(tmp_path, "read") as s:
        subtask = s.hello()
        await answer(subtask)
        send_frame(subtask, FrameType.END)
        assert (await answer(subtask)).type is FrameType.DONE
        subtask.close()
        await s.state("Succeeded")
        port = s.server.port
        assert port is not None
        await s.server.close()
        s.coordinator = Coordinator(begin(s.coordinator.state.shape, time.monotonic()))
        async with TestServer(application(s.coordinator, "secret"), port=port):
            state = await s.state("Succeeded")
            assert state.generation == 1


@pytest.mark.parametrize("again", [True, False])
async def test_a_process_stays_for_its_peers_until_the_next_attempt_or_the_agents_end(
    tmp_path: Path, again: bool
) -> None:
    async with stage(tmp_path, "stay") as s:
        subtask = s.hello()
        assert [(await answer(subtask)).type for _ in range(2)] == [FrameType.READY, FrameType.DONE]
        subtask.close()
        await s.state("Succeeded")
        (staying,) = [p for p in psutil.Process().children(recursive=True) if p.name() == "flinktf-role"]
        if again:
            subtask = s.hello(attempt=1)
            assert (await answer(subtask)).type is FrameType.DONE
            assert not staying.is_running()
            subtask.close()
    with contextlib.suppress(psutil.NoSuchProcess):
        assert staying.status() == psutil.STATUS_ZOMBIE


async def test_a_role_that_dies_comes_back_at_the_same_address(tmp_path: Path) -> None:
    """Its subtask is told that Flink may begin again; a job that has failed for good says that too."""
    policy = Policy("Role", max_restarts=1, backoff_seconds=0.1)
    async with stage(tmp_path, "be killed when told", policy=policy) as s:
        addresses = []
        for attempt, final in ((0, False), (1, True)):
            subtask = s.hello(attempt=attempt)
            assert (await answer(subtask)).type is FrameType.READY
            addresses.append(s.coordinator.state.instances["worker", 0].address)
            subtask.sendall(b"x")
            frame = await answer(subtask)
            told = json.loads(frame.payload)
            assert (frame.type, told["type"], told["final"]) == (FrameType.FAILED, "ProcessKilled", final)
            subtask.close()
        assert addresses[0] == addresses[1]
        failure = (await s.state("Failed")).failure
        assert failure is not None
        assert failure.message.endswith("failover.maxRestarts (1) is reached")
        assert failure.exit_code == 137


async def test_an_agent_whose_pod_is_taken_away_leaves_after_a_checkpoint(tmp_path: Path) -> None:
    async with stage(tmp_path, "deaf", policy=Policy("Role", max_restarts=0), checkpoints=True) as s:
        subtask = s.hello()
        await answer(subtask)
        await s.coordinator.apply(FlinkTold(FlinkJob("RUNNING")))
        await s.instance("Training")
        s.agent.leave()
        await s.until(lambda state: state.checkpoint_wanted > 0)
        late = s.hello(attempt=1)  # nobody serves it any more
        await asyncio.sleep(1.5)
        assert not s.running.done()
        await s.coordinator.apply(FlinkTold(FlinkJob("RUNNING", granted=s.coordinator.state.wishes)))
        told = json.loads((await answer(subtask)).payload)
        assert (told["type"], told["final"]) == ("Preempted", False)
        subtask.close()
        await asyncio.wait_for(s.running, 10)
        assert not Path(s.spec.socket).exists()
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(late.recv, 1)
        late.close()


async def test_an_agent_whose_pod_is_taken_away_does_not_wait_for_ever(tmp_path: Path) -> None:
    async with stage(tmp_path, "deaf", policy=Policy("Role"), checkpoints=True, leave_seconds=1.0) as s:
        subtask = s.hello()
        await answer(subtask)
        await s.coordinator.apply(FlinkTold(FlinkJob("RUNNING")))
        await s.instance("Training")
        s.agent.leave()
        assert "without the checkpoint" in json.loads((await answer(subtask)).payload)["message"]
        subtask.close()
        await asyncio.wait_for(s.running, 10)


async def test_an_agent_leaves_at_once_when_all_of_the_job_goes(tmp_path: Path) -> None:
    async with stage(tmp_path, "deaf") as s:
        subtask = s.hello()
        await answer(subtask)
        await s.server.close()
        s.agent.leave()
        await asyncio.wait_for(s.running, 10)
        subtask.close()


async def test_an_agent_without_a_subtask_leaves_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path, "deaf") as s:
        s.agent.leave()
        await asyncio.wait_for(s.running, 5)


async def test_kubelet_and_prometheus_get_their_answers(tmp_path: Path) -> None:
    port = free_port()
    async with stage(tmp_path, "stop", port=port) as s, contextlib.AsyncExitStack() as stack, ClientSession() as http:

        async def ask(path: str, token: str = "secret") -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer:
                return answer.status, await answer.text()

        assert await ask("/healthz") == (200, "ok")
        assert await ask("/readyz") == (503, "TensorFlow is being imported")
        stack.enter_context(s.hello())
        await s.until(lambda now: now.instances["worker", 0].health.activity == "Stopped")
        assert await ask("/readyz") == (503, "worker-0 is Stopped")
        assert (await ask("/metrics", "wrong"))[0] == 401
        found, text = await ask("/metrics")
        assert found == 200
        values = {family.name: family.samples[0] for family in text_string_to_metric_families(text)}
        assert values["flinktf_agent_ready"].labels == {"job": "job", "role": "worker", "instance": "worker-0"}
        assert values["flinktf_agent_ready"].value == 0
        assert values["flinktf_agent_memory_bytes"].value > 1 << 20
