"""Records as they come out of the subtask's connection: Arrow batches and checkpoint barriers, in order.

A thread reads ahead, so that the socket is emptied while TensorFlow computes. How far it reads ahead is bounded in
bytes: beyond that the socket fills up and Flink slows down.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

from flinktf.protocol.connection import read_frame
from flinktf.protocol.frames import FrameType, ProtocolError
from flinktf.protocol.hello import Schema, parse_json
from flinktf.training.activity import Activity
from flinktf.training.errors import StreamLostError

READ_AHEAD_BYTES = 8 << 20


class Marker(NamedTuple):
    """A checkpoint barrier: the records before it belong to the checkpoint, those behind it do not."""

    checkpoint_id: int


Item: TypeAlias = pa.RecordBatch | Marker


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema that HELLO carries. Raises :class:`ProtocolError` when it is not one."""
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema.arrow)))
    except (ValueError, pa.ArrowException) as error:
        raise ProtocolError(f"the schema in HELLO is not an Arrow schema: {error}") from None


class RecordReader:
    """Iterates over the stream once, on one thread, while another one reads ahead.

    ``schema`` is None for a role without records; a DATA frame is then an error. Iteration raises
    :class:`ProtocolError` for a broken frame and :class:`StreamLostError` when the connection ends before END.
    """

    def __init__(
        self,
        sock: socket.socket,
        schema: pa.Schema | None,
        read_ahead: int = READ_AHEAD_BYTES,
        activity: Activity | None = None,
    ) -> None:
        self.rows = 0
        self._activity = activity or Activity()
        self._socket = sock
        self._schema = schema
        self._limit = read_ahead
        self._items: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._ended = False
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._started = False

    def __iter__(self) -> Iterator[Item]:
        if not self._started:
            self._started = True
            threading.Thread(target=self._read, name="flinktf-records", daemon=True).start()
        while True:
            with self._changed:
                if self._starved():
                    with self._activity.waiting("records"):
                        self._changed.wait_for(lambda: not self._starved())
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item, size = self._items.popleft()
                self._bytes -= size
                self._changed.notify_all()
            if not isinstance(item, Marker):
                self.rows += item.num_rows
            yield item

    def _starved(self) -> bool:
        return not self._items and not self._ended and self._error is None

    def _read(self) -> None:
        try:
            self._read_frames()
        except Exception as error:  # handed to the thread that iterates
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _read_frames(self) -> None:
        while True:
            frame = read_frame(self._socket)
            if frame is None:
                raise StreamLostError("the Flink subtask closed the connection before the end of its records")
            frame_type, payload = frame
            if frame_type is FrameType.DATA:
                self._put(self._batch(payload), len(payload))
            elif frame_type is FrameType.BARRIER:
                self._put(Marker(_checkpoint_id(payload)), 0)
            elif frame_type is FrameType.END:
                with self._changed:
                    self._ended = True
                    self._changed.notify_all()
                return
            else:
                raise ProtocolError(f"the Flink subtask sent {frame_type.name}, which only a role sends")

    def _batch(self, payload: Any) -> pa.RecordBatch:
        if self._schema is None:
            raise ProtocolError("the Flink subtask sent DATA to a role without a schema")
        try:
            return pa.ipc.read_record_batch(pa.py_buffer(payload), self._schema)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ProtocolError(f"a DATA frame of {len(payload)} bytes is not an Arrow record batch: {error}") from None

    def _put(self, item: Item, size: int) -> None:
        with self._changed:
            while self._bytes > 0 and self._bytes + size > self._limit:
                self._changed.wait()
            self._items.append((item, size))
            self._bytes += size
            self._changed.notify_all()


def _checkpoint_id(payload: bytes | bytearray | memoryview) -> int:
    value = parse_json(payload, "BARRIER").get("checkpointId")
    if not isinstance(value, int):
        raise ProtocolError("BARRIER lacks 'checkpointId'")
    return value
