"""Records of a worker's own subtask under ParameterServer, where the chief runs the worker's steps.

The chief's graph runs on the worker, but Python functions in it normally run in the chief: TensorFlow finds them in a
registry of the process under a token. So each worker puts its feed into its own registry under a token that everyone
knows, and the chief's graph has an op with that token. The registry is private to TensorFlow; all that knows of it is
here, and says so when a version of TensorFlow has changed it.

The op's input says what is wanted, as JSON; its outputs are a header and the components of one batch.

A worker that comes to a barrier in its records stops there, and says so in its headers. When all are there, and the
chief has all steps from before it, the chief saves the model, and says in the next requests where; the workers answer
the barrier with that, and go on.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from flinktf.arrow import Array
from flinktf.protocol.hello import Restored
from flinktf.training.batches import Block
from flinktf.training.errors import TrainingError
from flinktf.training.options import DatasetOptions
from flinktf.training.records import Marker
from flinktf.training.structure import Structure, components
from flinktf.training.subtask import NOTHING, OVERTAKEN, Saved

if TYPE_CHECKING:
    import tensorflow as tf

    from flinktf.training.runtime import Runtime

TOKEN = "flinktf_feed"
HEADER = 4
"""int64 ``[rows, epoch ended, worker index, barrier]`` before the components of a batch; barrier 0 is none."""

_WAIT_SECONDS = 0.05
"""A step waits so long for records and is then empty: the chief's threads must not hang on one slow worker."""

_QUEUED_BATCHES = 16


class Feed:
    """The worker's side: called by TensorFlow, from several threads."""

    def __init__(self, runtime: Runtime) -> None:
        self.steps = 0
        self._runtime = runtime
        self._passes: dict[tuple[str, int], _Pass] = {}
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raises what went wrong in a call."""
        if self._error is not None:
            raise self._error

    def __call__(self, request: Any) -> list[Array]:
        """``request`` is the JSON bytes of :func:`batch_request` or :data:`DESCRIBE`."""
        try:
            value = json.loads(_bytes(request))
            if value["want"] == "structure":
                return [self._describe(value)]
            return self._batch(value)
        except BaseException as error:
            self._error = error
        # This worker fails with its own traceback; the chief must not report an echo of it first.
        threading.Event().wait()
        return []

    def _describe(self, value: dict[str, Any]) -> Array:
        dataset = self._runtime.dataset(DatasetOptions.from_json(value["options"]))
        restored = self._runtime.task.restored
        described = {
            "structure": dataset.structure.to_json(),
            "restored": asdict(restored) if restored is not None else None,
        }
        return np.array(json.dumps(described).encode(), object)

    def _batch(self, value: dict[str, Any]) -> list[Array]:
        key = (value["options"], value["epoch"])
        with self._lock:
            if key not in self._passes:
                self._passes[key] = _Pass(self._runtime, value)
            current = self._passes[key]
        if value["saved"] is not None:
            checkpoint, saved = value["saved"]
            current.saved(checkpoint, Saved(*saved))
        parts, rows, ended, barrier = current.next()
        if rows:
            with self._lock:
                self.steps += 1
        return [np.array([rows, int(ended), self._runtime.task.index, barrier], np.int64), *parts]


class _Pass:
    """One epoch of one dataset: a thread reads ahead, so that a step does not wait for decoding."""

    def __init__(self, runtime: Runtime, value: dict[str, Any]) -> None:
        self._dataset = runtime.dataset(DatasetOptions.from_json(value["options"]))
        self._empty = self._dataset.structure.zeros(1)
        self._epoch: int = value["epoch"]
        self._keep: bool = value["keep"]
        self._batches: queue.Queue[Any] = queue.Queue(_QUEUED_BATCHES)
        self._ended = False
        self._barrier: Marker | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="flinktf-feed", daemon=True).start()

    def next(self) -> tuple[list[Array], int, bool, int]:
        """Components, their rows, whether the pass is over, and the barrier that it stands at, or 0.

        Without rows when there are none right now, or none before the barrier.
        """
        with self._lock:  # what is behind a barrier must not overtake it
            stands = self._barrier is not None or self._ended
            item = None if stands else self._take()
            barrier = self._barrier.checkpoint_id if self._barrier is not None else 0
            ended = self._ended
        if item is not None:
            return components(item.parts), item.rows, False, 0
        if stands:
            time.sleep(_WAIT_SECONDS)
        return self._empty, 0, ended, barrier

    def saved(self, checkpoint: int, saved: Saved) -> None:
        """Answers the barrier that this pass stands at: an older one is given up, this one when there is an answer."""
        with self._lock:
            marker = self._barrier
            if marker is None or marker.checkpoint_id > checkpoint:
                return
            if marker.checkpoint_id < checkpoint or saved != NOTHING:
                self._barrier = None
                self._dataset.answer(marker, saved if marker.checkpoint_id == checkpoint else OVERTAKEN)

    def _take(self) -> Block | None:
        try:
            item = self._batches.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            return None
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, Marker):
            self._barrier = item
        elif item is None:
            self._ended = True
        else:
            assert isinstance(item, Block)
            return item
        return None

    def _read(self) -> None:
        try:
            for item in self._dataset.blocks(self._epoch, keep=self._keep, flush_at_marker=True):
                if isinstance(item, Marker):
                    self._batches.put(item)
                else:
                    self._put_batches(item)
            self._batches.put(None)
        except BaseException as error:
            self._batches.put(error)

    def _put_batches(self, block: Block) -> None:
        for step in range(block.steps):
            self._batches.put(block.take(step, 1))


def register(feed: Callable[[Any], Sequence[Array]]) -> None:
    """Makes ``feed`` what the op of :func:`call` runs in this process. Before TensorFlow's server starts.

    Raises :class:`TrainingError` when this version of TensorFlow has no such registry.
    """
    import tensorflow as tf

    try:
        from tensorflow.python.ops import script_ops

        functions = script_ops._py_funcs._funcs
        functions[TOKEN] = feed
        found = script_ops._py_funcs.get(TOKEN) is feed
    except (ImportError, AttributeError, TypeError) as error:
        raise TrainingError(_unsupported(tf.__version__, str(error))) from error
    if not found:
        raise TrainingError(_unsupported(tf.__version__, "the feed is not found again"))


def call(request: Any, outputs: Sequence[Any]) -> list[tf.Tensor]:
    """The op, in a graph of the chief: runs the feed of whichever worker the graph runs on."""
    import tensorflow as tf

    return list(tf.raw_ops.PyFunc(input=[request], token=TOKEN, Tout=[tf.as_dtype(dtype) for dtype in outputs]))


def describe_request(options: DatasetOptions) -> str:
    return json.dumps({"want": "structure", "options": options.to_json()})


def batch_request(options: DatasetOptions, epoch: int, *, keep: bool, saved: tuple[int, Saved] | None = None) -> str:
    """``saved``: a barrier and what it is answered with; barriers before it are given up."""
    return json.dumps({"want": "batch", "options": options.to_json(), "epoch": epoch, "keep": keep, "saved": saved})


def described(answer: bytes) -> tuple[Structure, Restored | None]:
    """What a worker's batches look like, and the checkpoint that its subtask was restored from."""
    value = json.loads(answer)
    restored = Restored(**value["restored"]) if value["restored"] is not None else None
    return Structure.from_json(value["structure"]), restored


def _bytes(request: Any) -> bytes:
    value = request.item() if isinstance(request, np.ndarray) else request
    return value if isinstance(value, bytes) else bytes(value)


def _unsupported(version: str, why: str) -> str:
    return (
        f"ParameterServer does not work with TensorFlow {version}: its registry of Python functions has changed "
        f"({why}). Use TensorFlow 2.20, with which this was tested, or another strategy."
    )
