"""``TFContext``: what an entrypoint is given, in every role."""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flinktf.protocol.hello import Restored
from flinktf.training.dataset import FlinkDataset
from flinktf.training.errors import TrainingError
from flinktf.training.options import DatasetOptions
from flinktf.training.records import Item
from flinktf.training.rows import line_dataset
from flinktf.training.runtime import Runtime
from flinktf.training.strategies import create_strategy
from flinktf.training.writer import RowWriter

if TYPE_CHECKING:
    import tensorflow as tf


class TFContext:
    """The role, its records and its way back to the job. ``TFContext(context)`` is the context itself again."""

    def __init__(self, context: TFContext | Runtime) -> None:
        self.runtime: Runtime = context.runtime if isinstance(context, TFContext) else context

    @classmethod
    def current(cls) -> TFContext:
        """The context of this process. Raises :class:`TrainingError` outside a role process."""
        return cls(Runtime.current())

    # --- who am I

    @property
    def job(self) -> str:
        return self.runtime.task.job

    @property
    def role(self) -> str:
        """``chief``, ``worker``, ``ps`` or ``evaluator``."""
        return self.runtime.task.role

    @property
    def index(self) -> int:
        return self.runtime.task.index

    @property
    def replicas(self) -> int:
        """How many instances this role has."""
        return self.runtime.task.replicas

    @property
    def attempt(self) -> int:
        """Flink's attempt number of this subtask, from 0."""
        return self.runtime.task.attempt

    @property
    def generation(self) -> int:
        """Which TensorFlow cluster of this job this is, from 1."""
        return self.runtime.task.generation

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The manifest's parameters."""
        return self.runtime.task.parameters

    @property
    def cluster(self) -> dict[str, list[str]]:
        """Addresses ``host:port`` by role, without evaluators."""
        return {role: list(addresses) for role, addresses in self.runtime.task.cluster.items()}

    @property
    def is_chief(self) -> bool:
        """Whether this is the instance that saves: the chief, or worker 0 of a job without one."""
        return self.runtime.is_chief

    @property
    def strategy(self) -> tf.distribute.Strategy:
        """The job's distribution strategy, made when it is first asked for; TensorFlow's default one where there is
        nothing to distribute (Independent, evaluator). Ask before you make other tensors."""
        if self.runtime.strategy is None:
            self.runtime.strategy = create_strategy(self.runtime.task)
        return self.runtime.strategy

    @property
    def model_path(self) -> str:
        """Where the model is to be saved."""
        return self.runtime.task.model_path

    @property
    def checkpoint_path(self) -> str:
        """The directory of the model's checkpoints."""
        return self.runtime.task.checkpoint_path

    @property
    def restored(self) -> Restored | None:
        """The Flink checkpoint that this attempt restored, and what the role had saved for it."""
        return self.runtime.task.restored

    @property
    def should_stop(self) -> bool:
        """Whether the job's work is done and this role is to return."""
        return self.runtime.control.stop.is_set()

    # --- records

    def dataset(
        self,
        features: Sequence[str] | None = None,
        label: str | None = None,
        batch_size: int = 32,
        *,
        weight: str | None = None,
        as_matrix: bool = False,
        fill: Mapping[str, Any] | None = None,
        lengths: Mapping[str, int] | None = None,
        drop_remainder: bool = False,
        skip_bad: int = 0,
        shuffle: int | None = None,
        seed: int = 0,
    ) -> FlinkDataset:
        """This role's records in batches of ``batch_size`` rows.

        With ``label`` a batch is ``(x, y)``, with ``weight`` ``(x, y, w)``, else ``x`` alone. ``x`` is a dict of the
        named columns (all the others when ``features`` is None), or with ``as_matrix`` one float32 ``[batch, width]``.
        ``fill`` has a value for NULL by column, ``lengths`` the length of ARRAY columns that become dense, ``shuffle``
        the number of rows that are permuted at a time. At most ``skip_bad`` records that cannot become tensors (a NULL
        without a fill value, a list of the wrong length) are set aside as JSON lines in ``bad-records`` beside the
        checkpoints. Raises :class:`flinktf.ColumnError` for a column that is not there or does not fit.
        """
        options = DatasetOptions(
            features=tuple(features) if features is not None else None,
            label=label,
            batch_size=batch_size,
            weight=weight,
            as_matrix=as_matrix,
            fill=dict(fill or {}),
            lengths=dict(lengths or {}),
            drop_remainder=drop_remainder,
            skip_bad=skip_bad,
            shuffle=shuffle,
            seed=seed,
        )
        return self.runtime.dataset(options)

    def get_tfdataset_from_flink(self, *, replay: bool = True) -> tf.data.Dataset:
        """DL on Flink's dataset: a scalar string for each row, a line of CSV for ``tf.io.decode_csv``.

        ``replay`` keeps the lines' records on local disk, so that ``model.fit(…, epochs=10)`` finds them again; say
        False for a stream that has no end. Where the program has said how many epochs there are, with ``train(…,
        max_epoch=4)``, so many passes find records, and none later. :meth:`dataset` is many times faster.
        """
        recording = self.runtime.recording
        if recording is None:
            raise TrainingError(f"role {self.role} {self.index} has no records from Flink")

        program = self.runtime.task.program
        most = program.epochs if program is not None else math.inf
        passes = itertools.count(1)

        def read() -> Iterator[Item]:
            if next(passes) > most:
                return iter(())
            return recording.read(None, None, keep=replay and most > 1)

        return line_dataset(recording.schema, read, self.runtime.subtask.saved)

    def get_row_writer_to_flink(self) -> RowWriter:
        """A writer for this role's output rows. Raises :class:`flinktf.TrainingError` when the job takes none."""
        return self.runtime.row_writer()

    # --- DL on Flink's names

    def get_tf_cluster_config(self) -> dict[str, list[str]]:
        """The ``cluster`` of ``TF_CONFIG``."""
        return self.cluster

    def get_node_type(self) -> str:
        return self.role

    def get_index(self) -> int:
        return self.index

    def get_node_type_count_map(self) -> dict[str, int]:
        """How many nodes there are of each type."""
        return {self.role: self.replicas} | {role: len(addresses) for role, addresses in self.cluster.items()}

    def get_current_attempt_index(self) -> int:
        return self.attempt

    def get_property(self, key: str) -> str:
        """A property of the program's ``TFClusterConfig``, or else one of the manifest's parameters, as a text.

        Raises :class:`flinktf.TrainingError` for one that neither has.
        """
        program = self.runtime.task.program
        known = {**self.parameters, **(program.properties if program is not None else {})}
        if key not in known:
            raise TrainingError(f"there is no property {key!r}; there are {', '.join(map(repr, known)) or 'none'}")
        value = known[key]
        return value if isinstance(value, str) else json.dumps(value)

    def set_tf_config_env(self) -> tuple[dict[str, list[str]], str, int]:
        """``TF_CONFIG`` is set already; this sets it once more, and returns cluster, node type and index."""
        os.environ["TF_CONFIG"] = self.runtime.task.tf_config
        return self.cluster, self.role, self.index

    # --- telling

    def report(self, step: int, rows: int, **metrics: Any) -> None:
        """Tells the job how far training is: steps and rows so far, and metrics (numbers or scalar tensors)."""
        self.runtime.progress.report(step, rows, metrics)

    def notice(self, text: str) -> None:
        """Tells the people who watch the job something they should know."""
        self.runtime.control.send("notice", message=text)

    def export(self, model: Any, path: str | None = None) -> str | None:
        """See :func:`flinktf.export`."""
        from flinktf.training.export import export

        return export(model, path, context=self)
