"""What an agent tells the TensorFlow process that it starts: one JSON file, named by ``FLINKTF_TASK``.

The connected subtask socket comes over the control socket, as a descriptor (docs/internals.md).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from flinktf.protocol.hello import Mode, Restored, Schema, schema_from_json, schema_to_json
from flinktf.protocol.program import Program

TASK_VARIABLE = "FLINKTF_TASK"

Strategy = Literal["MultiWorkerMirrored", "ParameterServer", "Independent", "Custom"]


@dataclass(frozen=True)
class Publish:
    """Models become numbered versions: at most one in so many seconds, and so many are kept."""

    every_seconds: float
    keep: int


@dataclass(frozen=True)
class Task:
    """One attempt of one role instance.

    ``cluster`` is what goes into ``TF_CONFIG['cluster']``: addresses by role, without evaluators.
    ``generation`` counts the TensorFlow clusters of this job, from 1. Paths are absolute.
    """

    job: str
    job_id: str
    role: str
    index: int
    replicas: int
    attempt: int
    generation: int
    strategy: Strategy
    entrypoint: str | None
    code_path: str
    model_path: str
    checkpoint_path: str
    spool_path: str
    mode: Mode
    cluster: dict[str, list[str]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    schema: Schema | None = None
    output_schema: Schema | None = None
    restored: Restored | None = None
    publish: Publish | None = None
    program: Program | None = None
    address: str = ""
    """Where this instance listens, for its peers or for those it serves."""
    token_file: str = ""
    storage_path: str = ""
    """What relative paths of the manifest are relative to."""

    @property
    def tf_config(self) -> str:
        """``TF_CONFIG`` as ``TFConfigClusterResolver`` reads it."""
        return json.dumps({"cluster": self.cluster, "task": {"type": self.role, "index": self.index}})

    def to_json(self) -> str:
        value = asdict(self)
        value["schema"] = schema_to_json(self.schema)
        value["output_schema"] = schema_to_json(self.output_schema)
        return json.dumps(value)


def task_from_json(text: str) -> Task:
    value = json.loads(text)
    value["schema"] = schema_from_json(value["schema"])
    value["output_schema"] = schema_from_json(value["output_schema"])
    value["restored"] = Restored(**value["restored"]) if value["restored"] else None
    value["publish"] = Publish(**value["publish"]) if value["publish"] else None
    value["program"] = Program(**value["program"]) if value["program"] else None
    return Task(**value)


def task_from_environment() -> Task:
    """The task of this process. Raises RuntimeError outside a flinktf role process."""
    path = os.environ.get(TASK_VARIABLE)
    if path is None:
        raise RuntimeError(f"{TASK_VARIABLE} is not set: this code runs in the role processes of a FlinkTFJob")
    return task_from_json(Path(path).read_text())
