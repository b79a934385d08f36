import json
import socket
import threading
import time

import pyarrow as pa
import pytest

from flinktf.protocol.connection import send_frame
from flinktf.protocol.frames import FrameType, ProtocolError
from flinktf.training.errors import StreamLostError
from flinktf.training.records import Marker, RecordReader

SCHEMA = pa.schema([("n", pa.int64())])
BATCH = pa.record_batch([list(range(1000))], schema=SCHEMA)
PAYLOAD = BATCH.serialize().to_pybytes()


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_batches_and_barriers_come_in_order(ends):
    ours, theirs = ends
    send_frame(theirs, FrameType.DATA, PAYLOAD)
    send_frame(theirs, FrameType.BARRIER, json.dumps({"checkpointId": 3}).encode())
    send_frame(theirs, FrameType.DATA, PAYLOAD)
    send_frame(theirs, FrameType.END)
    reader = RecordReader(ours, SCHEMA)
    first, marker, second = reader
    assert first.equals(BATCH)
    assert marker == Marker(3)
    assert second.equals(BATCH)
    assert reader.rows == 2000


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"GET / HTTP/1.1\r\n", "not a flinktf frame"),
        (b"FT\x03\x00\x00\x00\x10\x00abc", "ended within a frame"),
        (b"FT\x03\x00\xff\xff\xff\xff", "larger than"),
        (b"FT\x03\x00\x00\x00\x00\x04abcd", "a DATA frame of 4 bytes is not an Arrow record batch"),
        (b"FT\x02\x00\x00\x00\x00\x02{}", "sent READY, which only a role sends"),
        (b"FT\x04\x00\x00\x00\x00\x02{}", "lacks 'checkpointId'"),
    ],
)
def test_a_broken_frame_is_an_error_that_says_so(ends, sent, message):
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(ProtocolError, match=message):
        list(RecordReader(ours, SCHEMA))


def test_an_end_without_end_is_a_lost_stream(ends):
    ours, theirs = ends
    send_frame(theirs, FrameType.DATA, PAYLOAD)
    theirs.close()
    reader = iter(RecordReader(ours, SCHEMA))
    assert next(reader).num_rows == 1000
    with pytest.raises(StreamLostError):
        next(reader)


def test_records_are_not_for_a_role_without_a_schema(ends):
    ours, theirs = ends
    send_frame(theirs, FrameType.DATA, PAYLOAD)
    with pytest.raises(ProtocolError, match="without a schema"):
        list(RecordReader(ours, None))


def test_a_slow_consumer_stops_the_sender(ends):
    ours, theirs = ends
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sent = 0

    def send():
        nonlocal sent
        for _ in range(200):
            send_frame(theirs, FrameType.DATA, PAYLOAD)
            sent += 1
        send_frame(theirs, FrameType.END)

    threading.Thread(target=send, daemon=True).start()
    reader = iter(RecordReader(ours, SCHEMA, read_ahead=4 * len(PAYLOAD)))
    next(reader)
    time.sleep(0.3)
    assert sent < 12
    assert sum(batch.num_rows for batch in reader) == 199_000
