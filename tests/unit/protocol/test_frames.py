"""This side of the protocol against the recorded bytes that the Java side is tested with too."""

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf.protocol.connection import Frame, read_frame, send_frame
from flinktf.protocol.frames import FrameType, ProtocolError, limit
from flinktf.protocol.hello import parse_hello
from flinktf.protocol.program import Program

RECORDED = json.loads((Path(__file__).parents[2] / "protocol" / "frames.json").read_text())


def _read(data: bytes) -> Frame | None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=lambda: (theirs.sendall(data), theirs.shutdown(socket.SHUT_WR)))
        thread.start()
        try:
            return read_frame(ours)
        finally:
            thread.join()


@pytest.mark.parametrize("case", RECORDED["valid"], ids=lambda case: case["name"])
def test_recorded_frames(case: dict[str, str]) -> None:
    frame_type, payload = FrameType[case["type"]], bytes.fromhex(case["payload"])
    assert _read(bytes.fromhex(case["frame"])) == (frame_type, payload)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_frame(ours, frame_type, payload)
        assert theirs.recv(1 << 16) == bytes.fromhex(case["frame"])


@pytest.mark.parametrize("case", RECORDED["invalid"], ids=lambda case: case["name"])
def test_recorded_bytes_that_are_no_frames(case: dict[str, str]) -> None:
    with pytest.raises(ProtocolError, match=case["error"]):
        _read(bytes.fromhex(case["frame"]))


def test_the_end_between_two_frames_is_no_error() -> None:
    assert _read(b"") is None


@given(st.lists(st.tuples(st.sampled_from(FrameType), st.binary(max_size=10_000)), max_size=8))
def test_what_is_sent_is_read(frames: list[tuple[FrameType, bytes]]) -> None:
    frames = [(kind, payload[: limit(kind)]) for kind, payload in frames]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=lambda: [send_frame(theirs, *frame) for frame in frames])
        thread.start()
        assert [read_frame(ours) for _ in frames] == frames
        thread.join()


@given(st.binary(max_size=64))
def test_any_bytes_are_a_frame_or_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        _read(data)


def test_a_frame_that_is_too_large_is_not_sent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ProtocolError, match="larger than 1048576"):
        send_frame(ours, FrameType.SAVED, bytes(1048577))


HELLO: dict[str, Any] = json.loads(bytes.fromhex(RECORDED["valid"][0]["payload"]))


def test_hello() -> None:
    hello = parse_hello(json.dumps(HELLO).encode())
    assert (hello.role, hello.index, hello.parallelism, hello.mode) == ("worker", 0, 2, "sink")
    assert hello.schema is not None
    assert hello.schema.columns[0].type == "FLOAT"
    assert hello.common_version() == 1


def test_hello_with_a_program() -> None:
    told = parse_hello(bytes.fromhex(RECORDED["valid"][1]["payload"]))
    assert told.program == Program(reference="train:main", epochs=4, properties={"input_types": "FLOAT_32"})
    assert parse_hello(json.dumps(HELLO).encode()).program is None


@pytest.mark.parametrize("program", ["train:main", {}, {"epochs": 1}, {"epochs": 1, "properties": {}, "file": 7}])
def test_a_program_that_makes_no_sense(program: Any) -> None:
    with pytest.raises(ProtocolError, match="HELLO 'program' makes no sense"):
        parse_hello(json.dumps(HELLO | {"program": program}).encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"role": None}, "HELLO 'role' is NoneType, not str"),
        ({"index": "0"}, "HELLO 'index' is str, not int"),
        ({"index": True}, "HELLO 'index' is bool, not int"),
        ({"mode": "pipe"}, "HELLO 'mode' is 'pipe'"),
        ({"schema": {"columns": [{"name": "x"}]}}, "HELLO 'schema' lacks 'type'"),
        ({"schema": []}, "HELLO 'schema' is list"),
        ({"restored": {"location": "x"}}, "HELLO 'restored' lacks 'checkpointId'"),
    ],
)
def test_a_wrong_hello_names_the_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        parse_hello(json.dumps(HELLO | change).encode())


@pytest.mark.parametrize("key", ["versions", "job", "jobId", "role", "index", "parallelism", "attempt", "mode"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(ProtocolError, match=f"HELLO lacks '{key}'"):
        parse_hello(json.dumps({k: v for k, v in HELLO.items() if k != key}).encode())


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff\xfe", b"1"])
def test_what_is_not_a_json_object(payload: bytes) -> None:
    with pytest.raises(ProtocolError, match="HELLO is not"):
        parse_hello(payload)


def test_without_a_common_version() -> None:
    assert parse_hello(json.dumps(HELLO | {"versions": [2, 3]}).encode()).common_version() is None
