"""One client's connection: HELLO, then batches, each answered in its order (docs/protocol.md, Predictions)."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import socket
import threading
from concurrent.futures import Future
from typing import Any, Final

import pyarrow as pa

from flinktf.models import ModelError
from flinktf.protocol.connection import read_frame, send_frame
from flinktf.protocol.frames import VERSIONS, FrameType, ProtocolError
from flinktf.serving.batching import Answered
from flinktf.serving.request import Request, RequestError, answer, parse_request
from flinktf.serving.served import Models, Served
from flinktf.training.failures import describe

_LOG: Final = logging.getLogger(__name__)
_UNANSWERED: Final = 64
"""Batches of a client that may be on their way; it is not read on before some are answered."""


class Tally:
    """Batches and rows that were answered, by all sessions together."""

    def __init__(self) -> None:
        self.batches = 0
        self.rows = 0
        self.refused = 0
        self._lock = threading.Lock()

    def add(self, rows: int, refused: int) -> None:
        with self._lock:
            self.batches += 1
            self.rows += rows
            self.refused += refused


def converse(sock: socket.socket, models: Models, token: str, tally: Tally) -> None:
    """Serves a client until it has hung up, or was told what is wrong. Raises nothing: other clients go on."""
    try:
        _serve(sock, models, token, tally)
    except RequestError as error:
        _fail(sock, {"type": error.kind, "message": str(error), "traceback": ""}, final=True)
    except ModelError as error:  # before OSError: some are that too
        _fail(sock, {"type": type(error).__name__, "message": str(error), "traceback": ""}, final=True)
    except (OSError, ProtocolError) as error:
        _LOG.info("a client of a model has gone: %s", error)
    except Exception as error:
        _fail(sock, describe(error)._asdict(), final=False)
    finally:
        # Not close() alone: the other thread may read from it.
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def _serve(sock: socket.socket, models: Models, token: str, tally: Tally) -> None:
    hello = read_frame(sock)
    if hello is None:
        return
    if hello.type is not FrameType.HELLO:
        raise ProtocolError(f"a client began with {hello.type.name}, not with HELLO")
    request = parse_request(hello.payload, token)
    with models.use(request) as served:
        _send(sock, FrameType.READY, {"version": max(VERSIONS), "model": served.wait()})
        _answer_all(sock, request, served, tally)


def _answer_all(sock: socket.socket, request: Request, served: Served, tally: Tally) -> None:
    """One thread reads, this one answers: the model works meanwhile."""
    unanswered: queue.Queue[Future[Answered] | Exception | None] = queue.Queue(_UNANSWERED)
    reader = threading.Thread(
        target=_read, args=(sock, request, served, unanswered), name="flinktf-client", daemon=True
    )
    reader.start()
    try:
        while (following := unanswered.get()) is not None:
            if isinstance(following, Exception):
                raise following
            found = following.result()
            columns = answer(request, *found)
            send_frame(sock, FrameType.RESULT, columns.serialize())
            tally.add(columns.num_rows, columns.num_rows - found.errors.null_count)
    finally:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RD)
        while reader.is_alive():  # it may wait for room in the queue
            with contextlib.suppress(queue.Empty):
                unanswered.get(timeout=0.05)


def _read(
    sock: socket.socket,
    request: Request,
    served: Served,
    unanswered: queue.Queue[Future[Answered] | Exception | None],
) -> None:
    """Passes the client's batches on to the model; None is the end of them, an exception what was wrong with one."""
    try:
        while (frame := read_frame(sock)) is not None:
            if frame.type is not FrameType.DATA:
                raise ProtocolError(f"a client sent {frame.type.name} where batches belong")
            batch = pa.ipc.read_record_batch(pa.py_buffer(frame.payload), request.inputs)
            unanswered.put(served.batcher.submit(batch))
        unanswered.put(None)
    except Exception as error:
        unanswered.put(error)


def _send(sock: socket.socket, kind: FrameType, value: dict[str, Any]) -> None:
    send_frame(sock, kind, json.dumps(value).encode())


def _fail(sock: socket.socket, failure: dict[str, Any], *, final: bool) -> None:
    """``final``: the client's job would meet the same again, and fails."""
    _LOG.warning("a client of a model was refused: %s: %s", failure["type"], failure["message"])
    with contextlib.suppress(OSError):
        _send(sock, FrameType.FAILED, {**failure, "final": final})
