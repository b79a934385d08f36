"""What can go wrong between a stream of records and a model, each with a text that says what to do."""

from __future__ import annotations


class TrainingError(Exception):
    """The base of flinktf's own errors in a role process."""


class ColumnError(TrainingError, ValueError):
    """A column that the stream does not have, or whose type or length does not fit what was asked of it."""


class NullValueError(TrainingError, ValueError):
    """A NULL in a column that is read without a fill value."""


class SpoolError(TrainingError, OSError):
    """The local copy of the stream, which later epochs read, could not be written."""


class NotWrittenError(TrainingError, OSError):
    """A model could not be written where checkpoints go."""


class StreamConsumedError(TrainingError, RuntimeError):
    """The records of this role were already read, and no copy of them was kept."""


class StreamLostError(TrainingError, ConnectionError):
    """The Flink subtask closed the connection before the end of its records."""


class EntrypointError(TrainingError):
    """The entrypoint does not import, or is not something that can be called."""


class ClusterError(TrainingError):
    """The TensorFlow cluster could not be reached within its deadline."""
