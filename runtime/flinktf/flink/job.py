"""What a ``job.py`` gets: the environments that its pipeline is built in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import StatementSet, StreamTableEnvironment


@dataclass(frozen=True)
class Job:
    """The argument of ``main(job)`` in a ``job.py``.

    Build the pipeline and add what feeds a role to ``statement_set``; flinktf adds the roles that no pipeline feeds,
    and submits everything as one Flink job. Do not call ``execute``.
    """

    name: str
    env: StreamExecutionEnvironment
    table_env: StreamTableEnvironment
    statement_set: StatementSet
    args: tuple[str, ...]
    code: Path
    """The folder of ``job.py`` and its data: ``spec.code.path``."""
    storage: Path
    """Where relative paths of model and checkpoints are: for files that the pipeline writes."""
