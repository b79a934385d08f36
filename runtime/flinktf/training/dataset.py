"""``context.dataset(...)``: a role's records as batches of named tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flinktf.training.bad_records import BadRecords
from flinktf.training.batches import Block, Parts, cut
from flinktf.training.errors import TrainingError
from flinktf.training.layout import Layout
from flinktf.training.options import DatasetOptions
from flinktf.training.recording import Recording
from flinktf.training.records import Item, Marker
from flinktf.training.shuffle import shuffled
from flinktf.training.structure import Structure, components
from flinktf.training.subtask import NOTHING, Saved

if TYPE_CHECKING:
    import tensorflow as tf

Answer = Callable[[int, Saved], None]
"""Answers the barrier of a checkpoint with what was saved for it."""


class FlinkDataset:
    """Batches of ``(x, y)``, or of ``x`` alone, that a Flink subtask feeds.

    ``x`` is a dict of tensors ``[batch, …]`` by column name, or with ``as_matrix`` one float32 ``[batch, width]``.
    The records are read from the stream once; several passes read a copy on local disk. A role without records
    (a ParameterServer chief) has datasets too: they say what its workers shall read.
    """

    def __init__(
        self, recording: Recording | None, options: DatasetOptions, answer: Answer, bad: BadRecords | None = None
    ) -> None:
        self.options = options
        self._bad = bad
        self._recording = recording
        self._answer = answer
        self._layout = Layout(recording.schema, options) if recording is not None else None

    @property
    def fed(self) -> bool:
        """Whether this role itself has the records."""
        return self._recording is not None

    @property
    def structure(self) -> Structure:
        """What a batch looks like. Raises :class:`TrainingError` in a role without records."""
        return self._own()[1].structure

    @property
    def rows(self) -> int:
        """Rows that this role has taken out of its stream so far, each counted once."""
        return self._recording.rows if self._recording is not None else 0

    def split(self, by: str) -> tuple[FlinkDataset, FlinkDataset]:
        """The rows where the BOOLEAN column ``by`` is false, and those where it is true: training and held-out.

        The held-out rows are kept on local disk while the others are read.
        """
        if self.options.split_by is not None:
            raise TrainingError(f"the dataset is split already, by {self.options.split_by!r}")
        return self._with(split_by=by, part=False), self._with(split_by=by, part=True, shuffle=None)

    def blocks(self, epoch: int = 0, *, keep: bool = False, flush_at_marker: bool = False) -> Iterator[Block | Marker]:
        """One pass: blocks of batches, and in the first pass markers, which the caller must answer.

        ``epoch`` varies the shuffle. ``keep`` says that there will be another pass.
        """
        recording, _ = self._own()
        items = recording.read(self.options.part, self.options.split_by, keep=keep)
        if self.options.shuffle is not None:
            items = shuffled(items, self.options.shuffle, (self.options.seed, epoch))
        return cut(
            self._decoded(items, epoch),
            self.options.batch_size,
            drop_remainder=self.options.drop_remainder,
            flush_at_marker=flush_at_marker,
        )

    def batches(self, epochs: int = 1) -> Iterator[Any]:
        """Batches of numpy arrays in the structure of :meth:`to_tf`, for code without a graph; one pass an epoch."""
        for block in self._answered(epochs):
            for step in range(block.steps):
                yield self.structure.pack(components(block.take(step, 1).parts))

    def to_tf(self, epochs: int = 1, *, keep: bool = False) -> tf.data.Dataset:
        """A ``tf.data.Dataset`` of whole batches; with ``epochs`` > 1 one pass behind the other.

        ``keep`` keeps the records on local disk so that the dataset can be iterated again. Checkpoints of the job go
        on meanwhile, without a model in them. TensorFlow does not shard it: every worker has its own records.
        """
        from flinktf.training.tfdata import block_dataset

        return block_dataset(self.structure, self.options.batch_size, lambda: self._answered(epochs, keep))

    def _answered(self, epochs: int, keep: bool = False) -> Iterator[Block]:
        for epoch in range(epochs):
            for item in self.blocks(epoch, keep=keep or epochs > 1):
                if isinstance(item, Marker):
                    self._answer(item.checkpoint_id, NOTHING)
                else:
                    yield item

    def answer(self, marker: Marker, saved: Saved) -> None:
        """Answers a barrier that :meth:`blocks` has given."""
        self._answer(marker.checkpoint_id, saved)

    def _decoded(self, items: Iterator[Item], epoch: int) -> Iterator[Parts | Marker]:
        _, layout = self._own()
        row = 0
        for item in items:
            if isinstance(item, Marker):
                yield item
                continue
            if self._bad is None:
                yield layout.decode(item, row)
            else:
                yield from self._bad.decoded(layout.decode, item, row, known=epoch > 0)
            row += item.num_rows

    def _own(self) -> tuple[Recording, Layout]:
        if self._recording is None or self._layout is None:
            raise TrainingError(
                "this role has no records of its own: under ParameterServer the workers read them, and flinktf.fit in "
                "the chief tells them how; without it, let a Flink sink write to this role"
            )
        return self._recording, self._layout

    def _with(self, **changes: Any) -> FlinkDataset:
        return FlinkDataset(self._recording, replace(self.options, **changes), self._answer, self._bad)
