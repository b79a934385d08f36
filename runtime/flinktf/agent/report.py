"""What an agent tells of its role process to whoever asks. A frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vitals:
    """``instance`` is ``worker-0``, empty before a subtask has come; ``unready`` says why the role process is not well,
    None when it is. ``rate`` is in steps a second, ``starvation`` a share of 1, ``stuck`` seconds, ``memory`` bytes,
    ``gpu`` as of :func:`flinktf.agent.gpu.gpu_use`."""

    job: str
    role: str
    instance: str = ""
    unready: str | None = None
    attempts: int = 0
    step: int = 0
    rate: float = 0.0
    starvation: float = 0.0
    stuck: float = 0.0
    memory: int = 0
    gpu: Mapping[str, float] = field(default_factory=dict)
