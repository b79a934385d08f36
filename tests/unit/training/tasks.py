from __future__ import annotations

from pathlib import Path
from typing import Any

from flinktf.protocol.task import Task


def make_task(code: Path, entrypoint: str | None, **changes: Any) -> Task:
    fields: dict[str, Any] = {
        "job": "test",
        "job_id": "2f",
        "role": "worker",
        "index": 0,
        "replicas": 1,
        "attempt": 0,
        "generation": 1,
        "strategy": "Independent",
        "code_path": str(code),
        "model_path": "",
        "checkpoint_path": "",
        "spool_path": "",
        "mode": "source",
    }
    return Task(**fields | changes, entrypoint=entrypoint)
