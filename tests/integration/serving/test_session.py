"""A role's side of predictions, over real connections, with real models."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from flinktf.protocol.connection import read_frame, send_frame
from flinktf.protocol.frames import FrameType
from flinktf.serving.announced import Announced, check
from flinktf.serving.served import Models
from flinktf.serving.session import Tally, converse
from flinktf.training.errors import ColumnError
from integration.serving.models import save

INPUTS = pa.schema([("x", pa.float32())])
COLUMNS = pa.schema([("y", pa.float32()), ("model_version", pa.int64()), ("error", pa.string())])
TOKEN = "secret"


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "doubling", 2.0)


class Client:
    """What the connector does, in few words."""

    def __init__(self, models: Models) -> None:
        self.sock, far = socket.socketpair(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.tally = Tally()
        self.thread = threading.Thread(target=converse, args=(far, models, TOKEN, self.tally))
        self.thread.start()

    def hello(
        self, path: str, token: str = TOKEN, columns: pa.Schema = COLUMNS, **options: str
    ) -> tuple[FrameType, Any]:
        model = {"path": path, "signature": None, "options": options}
        self.send(FrameType.HELLO, {"versions": [1], "mode": "predict", "token": token, "model": model,
                                    "schema": _schema(INPUTS), "outputSchema": _schema(columns)})  # fmt: skip
        return self.answer()

    def send(self, kind: FrameType, value: Any) -> None:
        send_frame(self.sock, kind, json.dumps(value).encode())

    def answer(self) -> tuple[FrameType, Any]:
        frame = read_frame(self.sock)
        assert frame is not None
        return frame.type, json.loads(bytes(frame.payload))

    def ask(self, *numbers: float | None) -> None:
        batch = pa.record_batch([pa.array(numbers, pa.float32())], INPUTS)
        send_frame(self.sock, FrameType.DATA, batch.serialize())

    def result(self, columns: pa.Schema = COLUMNS) -> list[dict[str, Any]]:
        frame = read_frame(self.sock)
        assert frame is not None
        assert frame.type is FrameType.RESULT, bytes(frame.payload)
        return list(pa.ipc.read_record_batch(pa.py_buffer(frame.payload), columns).to_pylist())

    def predict(self, *numbers: float | None) -> list[dict[str, Any]]:
        self.ask(*numbers)
        return self.result()

    def hang_up(self) -> None:
        self.sock.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


def _schema(schema: pa.Schema) -> dict[str, Any]:
    columns = [{"name": field.name, "type": "FLOAT", "nullable": True} for field in schema]
    return {"columns": columns, "arrow": base64.b64encode(schema.serialize().to_pybytes()).decode()}


def make(storage: Path, told: list[str] | None = None) -> Models:
    tell = (told if told is not None else []).append
    return Models(str(storage), str(storage), Announced(str(storage), None), tell, keep=0.5)


@pytest.fixture
def client(doubling: Path) -> Iterator[Client]:
    found = Client(make(doubling.parent))
    yield found
    found.hang_up()


def row(y: float | None, version: int | None = None, error: str | None = None) -> dict[str, Any]:
    return {"y": y, "model_version": version, "error": error}


def test_batches_are_answered_in_their_order(client: Client) -> None:
    assert client.hello("doubling") == (FrameType.READY, {"version": 1, "model": "doubling"})
    for start in range(0, 3000, 100):
        client.ask(*range(start, start + 100))
    for start in range(0, 3000, 100):
        assert [one["y"] for one in client.result()] == [2.0 * number for number in range(start, start + 100)]
    assert (client.tally.batches, client.tally.rows, client.tally.refused) == (30, 3000, 0)
    client.hang_up()


def test_records_that_the_model_refuses(client: Client) -> None:
    client.hello("doubling")
    found = client.predict(1.0, -1.0, None, 3.0)
    assert [one["y"] for one in found] == [2.0, None, None, 6.0]
    assert [one["error"] for one in found][::3] == [None, None]
    assert "negative numbers have no place" in found[1]["error"]
    assert "'x' is NULL" in found[2]["error"]
    assert np.isnan(client.predict(1e9)[0]["y"])
    client.hang_up()


def test_results_that_are_not_finite_may_be_refused(client: Client) -> None:
    client.hello("doubling", **{"not-finite": "reject"})
    assert client.predict(1e9, 1.0) == [row(None, None, "output 'y' is not finite"), row(2.0)]
    client.hang_up()


@pytest.mark.parametrize(
    ("hello", "kind", "message"),
    [
        ({"token": "other"}, "Unauthorized", "not the token of the job"),
        ({"path": "nowhere/at-all", "load-timeout": "0.2"}, "NoModelError", "no version of the model was ready"),
        ({"not-finite": "perhaps"}, "BadRequest", "'not-finite' is 'perhaps', not allow or reject"),
        ({"max-rows": "0"}, "BadRequest", "'max-rows' is '0', not a number above 0"),
        ({"colour": "red"}, "BadRequest", "there is no option 'colour'"),
        ({"columns": pa.schema([("z", pa.string()), ("error", pa.string())])}, "DtypeError", "'z'"),
        ({"columns": pa.schema([("y", pa.float32())])}, "BadRequest", "is not a STRING 'error'"),
        ({"converter": "nothing:here"}, "EntrypointError", "names the module 'nothing'"),
    ],
)
def test_wrong_requests(client: Client, hello: dict[str, Any], kind: str, message: str) -> None:
    frame, told = client.hello(**{"path": "doubling"} | hello)
    assert frame is FrameType.FAILED
    assert kind in told["type"]
    assert message in told["message"]
    assert TOKEN not in json.dumps(told)


def test_a_client_that_sends_nonsense_does_no_harm(client: Client, doubling: Path) -> None:
    client.hello("doubling")
    send_frame(client.sock, FrameType.DATA, b"nonsense")
    assert client.answer()[0] is FrameType.FAILED
    other = Client(make(doubling.parent))
    other.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    other.thread.join(30)
    assert not other.thread.is_alive()
    other.hang_up()


def test_versions_are_swapped_between_two_batches(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "model").mkdir()
    save(tmp_path / "model" / "1", 2.0)
    client = Client(make(tmp_path, told))
    assert client.hello("model", poll="0.1s") == (FrameType.READY, {"version": 1, "model": "1"})
    assert client.predict(1.0) == [row(2.0, 1)]
    save(tmp_path / "model" / "2", 3.0)
    for _ in range(500):
        (found,) = client.predict(1.0)
        assert found in (row(2.0, 1), row(3.0, 2))
        if found["model_version"] == 2:
            break
        threading.Event().wait(0.02)
    assert found == row(3.0, 2)
    client.hang_up()
    assert any("version 2 swapped" in line for line in told)


def test_announcements(tmp_path: Path) -> None:
    first, second = save(tmp_path / "a", 2.0), save(tmp_path / "b", 3.0)
    announced = Announced(str(tmp_path), None)
    models = Models(str(tmp_path), "", announced, lambda _: None)
    stream = pa.schema([("model", pa.string()), ("version", pa.int64()), ("path", pa.string())])
    check(stream)
    with pytest.raises(ColumnError, match="has no column 'path'"):
        check(pa.schema([("version", pa.int64())]))

    def announce(*rows: tuple[str | None, int | None, str | None]) -> None:
        announced.hear(pa.RecordBatch.from_pylist([dict(zip(stream.names, one, strict=True)) for one in rows], stream))

    announce(("other", 9, "nowhere"), ("wine", 1, first.name))
    client = Client(models)
    assert client.hello("announced:wine") == (FrameType.READY, {"version": 1, "model": "1"})
    assert client.predict(1.0) == [row(2.0, 1)]
    announce(("wine", 2, str(second)))
    _until(client, row(3.0, 2))
    announce(("wine", 3, "missing"))
    announce(("wine", 1, first.name))
    _until(client, row(2.0, 1))
    client.hang_up()
    again = Announced(str(tmp_path), announced.location())
    assert again.location() == announced.location()
    assert [version.name for version in again.source("wine").poll()] == ["1"]
    with pytest.raises(ColumnError, match="NULL as its version or its path"):
        announce(("wine", None, "x"))


def _until(client: Client, expected: dict[str, Any]) -> None:
    for _ in range(500):
        if client.predict(1.0) == [expected]:
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"{expected} never came")


def test_clients_share_a_model(doubling: Path) -> None:
    told: list[str] = []
    models = make(doubling.parent, told)
    clients = [Client(models) for _ in range(3)]
    for client in clients:
        client.hello("doubling")
    for client in clients:
        assert client.predict(1.0) == [row(2.0)]
    assert sum("loaded" in line for line in told) == 1
    for client in clients:
        client.hang_up()
    assert len(models) == 1  # whoever comes back soon finds it
    again = Client(models)
    again.hello("doubling")
    again.hang_up()
    assert sum("loaded" in line for line in told) == 1
    for _ in range(100):
        if len(models) == 0:
            return
        threading.Event().wait(0.1)
    raise AssertionError("a model that nobody uses stays open")
