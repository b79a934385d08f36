"""The entrypoint of a role that serves models: its processes answer the pipeline's requests until the job ends."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
from pathlib import Path
from typing import Final

from flinktf.serving.announced import Announced, check
from flinktf.serving.served import Models
from flinktf.serving.session import Tally, converse
from flinktf.training.context import TFContext
from flinktf.training.records import Marker
from flinktf.training.subtask import Saved

_EVERY: Final = 1.0


def serve(context: TFContext) -> None:
    """Listens on the role's TensorFlow address, and hears announcements of models where a query feeds the role."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    task = context.runtime.task
    restored = context.restored.location if context.restored is not None else None
    announced = Announced(task.storage_path, restored)
    models = Models(task.storage_path, task.code_path, announced, context.notice)
    token, tally = Path(task.token_file).read_text().strip(), Tally()
    wrong: list[Exception] = []
    hearing = threading.Thread(
        target=_hear, args=(context, announced, wrong), name="flinktf-announcements", daemon=True
    )
    with _listening(task.address) as listener:
        threading.Thread(
            target=_accept, args=(listener, models, token, tally), name="flinktf-accept", daemon=True
        ).start()
        context.runtime.control.phase("serving")
        hearing.start()
        while not context.runtime.control.stop.wait(_EVERY):
            if wrong:
                raise wrong[0]
            context.report(tally.batches, tally.rows, refused=tally.refused)
    context.report(tally.batches, tally.rows, refused=tally.refused)


def _listening(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(128)
    return listener


def _accept(listener: socket.socket, models: Models, token: str, tally: Tally) -> None:
    with contextlib.suppress(OSError):  # closed: the role is at its end
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(
                target=converse, args=(sock, models, token, tally), name="flinktf-session", daemon=True
            ).start()


def _hear(context: TFContext, announced: Announced, wrong: list[Exception]) -> None:
    """The role's own records, if it has any: announcements, and barriers, whose answer has them all."""
    recording, subtask = context.runtime.recording, context.runtime.subtask
    if recording is None:
        return
    try:
        check(recording.schema)
        for item in recording.read(None, None, keep=False):
            if isinstance(item, Marker):
                subtask.saved(item.checkpoint_id, Saved(announced.location()))
            else:
                announced.hear(item)
    except Exception as error:
        wrong.append(error)
