"""Plays the Flink side of role processes: starts real ones, feeds them frames, and keeps what they answer."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from flinktf.protocol.connection import read_frame, send_frame
from flinktf.protocol.frames import FrameType
from flinktf.protocol.hello import Column, Schema
from flinktf.protocol.task import Task

_SQL = {"float": "FLOAT", "double": "DOUBLE", "int64": "BIGINT", "int32": "INT", "string": "STRING", "bool": "BOOLEAN"}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def cluster(**roles: int) -> dict[str, list[str]]:
    ports = iter(free_ports(sum(roles.values())))
    return {role: [f"127.0.0.1:{next(ports)}" for _ in range(count)] for role, count in roles.items()}


def flink_schema(schema: pa.Schema) -> Schema:
    columns = tuple(Column(f.name, _SQL.get(str(f.type), str(f.type)), True) for f in schema)
    return Schema(columns, base64.b64encode(schema.serialize().to_pybytes()).decode())


def make_task(directory: Path, **changes: Any) -> Task:
    task = Task(
        job="test",
        job_id="2f",
        role="worker",
        index=0,
        replicas=1,
        attempt=0,
        generation=1,
        strategy="Independent",
        entrypoint="train:main",
        code_path=str(directory),
        model_path=str(directory / "model"),
        checkpoint_path=str(directory / "checkpoints"),
        spool_path=str(directory / "spool"),
        mode="source",
    )
    return replace(task, **changes)


class Role:
    """One role process. ``items`` are what its subtask sends: Arrow batches, checkpoint ids, in order, then END."""

    def __init__(
        self,
        task: Task,
        items: Iterable[pa.RecordBatch | int] | None = None,
        *,
        schema: pa.Schema | None = None,
        environment: Mapping[str, str] | None = None,
        end: bool = True,
    ) -> None:
        if schema is not None:
            task = replace(
                task, schema=flink_schema(schema), mode="sink" if task.output_schema is None else "transform"
            )
        directory = Path(task.spool_path)
        directory.mkdir(parents=True, exist_ok=True)
        name = f"{task.role}-{task.index}"
        self.events: list[dict[str, Any]] = []
        self.frames: list[tuple[FrameType, Any]] = []
        self.log = directory / f"{name}.log"
        self.items = items
        self._end = end
        self._control, control_theirs = socket.socketpair()
        self._server, server_theirs = socket.socketpair()
        self.stream, stream_theirs = socket.socketpair()
        path = directory / f"{name}.json"
        path.write_text(task.to_json())
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flinktf.training.process", "--control-fd", str(server_theirs.fileno())],
                pass_fds=[server_theirs.fileno()],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "TF_USE_LEGACY_KERAS": "1",
                    "CUDA_VISIBLE_DEVICES": "-1",
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                    **(environment or {}),
                },
            )
        server_theirs.close()
        fork = json.dumps({"fork": 1, "temporary": str(directory)}).encode() + b"\n"
        with control_theirs:
            socket.send_fds(self._server, [fork], [control_theirs.fileno()])
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read_control, self._read_frames, self._feed)
        ]
        line = json.dumps({"task": str(path)}).encode() + b"\n"
        socket.send_fds(self._control, [line], [stream_theirs.fileno()])
        stream_theirs.close()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._control.sendall(b'{"command":"stop"}\n')

    def complete(self, checkpoint: int, over: Sequence[int] = ()) -> None:
        """Flink has completed a checkpoint, its agent says, and will not restore ``over`` any more."""
        line = json.dumps({"command": "completed", "checkpoint": checkpoint, "over": list(over)})
        self._control.sendall(line.encode() + b"\n")

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        """Raises AssertionError, with the role's log, when it is not so within that time."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{self.log.read_text()[-6000:]}"
            time.sleep(0.02)

    def wait(self, seconds: float = 120) -> int:
        """The exit code. Fails with the role's log when the time is over."""
        self._server.settimeout(seconds)
        code = None
        try:
            with self._server.makefile("rb") as lines:
                code = next((told["code"] for told in map(json.loads, lines) if "exited" in told), None)
        except TimeoutError:
            pass
        self.kill()
        assert code is not None, f"the role did not end:\n{self.log.read_text()[-6000:]}"
        for thread in self._threads[:2]:
            thread.join(5)
        self.stream.close()
        self._control.close()
        return code

    def succeed(self, seconds: float = 120) -> dict[str, Any]:
        """Waits for DONE and returns it."""
        code = self.wait(seconds)
        assert code == 0, self.log.read_text()[-6000:]
        kind, value = self.frames[-1]
        assert kind is FrameType.DONE
        assert isinstance(value, dict)
        return value

    def fail(self, seconds: float = 120) -> dict[str, Any]:
        """Waits for the end, and returns what the agent was told. The subtask would hear of it from there."""
        assert self.wait(seconds) == 1
        assert self.events[-1]["event"] == "failed"
        assert not self.of(FrameType.DONE)
        return self.events[-1]

    def kill(self) -> None:
        """It, and so the server that has forked it."""
        self.process.kill()
        self.process.wait()
        self._server.close()

    def of(self, kind: FrameType) -> list[Any]:
        return [value for found, value in self.frames if found is kind]

    def event(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def _read_control(self) -> None:
        with self._control.makefile("rb") as lines:
            for line in lines:
                self.events.append(json.loads(line))

    def _read_frames(self) -> None:
        try:
            while (frame := read_frame(self.stream)) is not None:
                kind, payload = frame
                value = bytes(payload) if kind is FrameType.RESULT else json.loads(bytes(payload))
                self.frames.append((kind, value))
        except OSError:
            return

    def _feed(self) -> None:
        if self.items is None:
            return
        try:
            for item in self.items:
                if isinstance(item, int):
                    send_frame(self.stream, FrameType.BARRIER, json.dumps({"checkpointId": item}).encode())
                else:
                    send_frame(self.stream, FrameType.DATA, memoryview(item.serialize()))
            if self._end:
                send_frame(self.stream, FrameType.END, b"")
        except OSError:
            return
