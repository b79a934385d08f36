"""What an agent is told when it is started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flinktf.protocol.task import Publish, Strategy


@dataclass(frozen=True)
class AgentSpec:
    """One agent serves one TaskManager of one role. ``host`` is where other roles reach this one; times in seconds."""

    job: str
    role: str
    replicas: int
    strategy: Strategy
    socket: str
    coordinator: str
    token_file: str
    host: str
    entrypoint: str | None
    code_path: str
    model_path: str
    checkpoint_path: str
    storage_path: str
    work_dir: str
    log_dir: str
    parameters: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    forming_timeout_seconds: float = 300.0
    stop_grace_seconds: float = 30.0
    stall_timeout_seconds: float | None = None
    publish: Publish | None = None
    requirements: str | None = None
    """A requirements file for the role processes, and their packed environment: absolute paths."""
    archive: str | None = None
    port: int | None = None
    """Where it answers kubelet and Prometheus; None: nowhere."""
    leave_seconds: float = 45.0
    """How long an instance whose pod is taken away may wait for a checkpoint."""
    echo: bool = False
    """Whether the role processes' output is the agent's too: in a container, whose log is its output."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def agent_spec_from_json(text: str, environment: Mapping[str, str]) -> AgentSpec:
    """``FLINKTF_HOST`` counts before the text's ``host``: all pods of a role have one text, and each its address."""
    value = json.loads(text)
    value["publish"] = Publish(**value["publish"]) if value["publish"] else None
    return AgentSpec(**value | {"host": environment.get("FLINKTF_HOST") or value["host"]})
