"""Prometheus' exposition format, version 0.0.4, for labels that need no escapes: names of jobs, roles and phases. Pure.

Not prometheus-client, as in the operator: what is shown here is a value that others hold, and nothing counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

Sample = tuple[Mapping[str, object], float]
"""Labels, and the value that they have."""

OF_GPUS: Final = (
    ("gpu_use_ratio", "use", "The share of time in which the role's GPUs computed."),
    ("gpu_memory_bytes", "memory", "Memory in use on the role's GPUs."),
)
"""Name of the metric, what the reports of GPUs call it, and its text: the agent, coordinator and operator tell them."""


def family(name: str, kind: Literal["counter", "gauge"], text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """The lines of one metric."""
    yield f"# HELP {name} {text}\n"
    yield f"# TYPE {name} {kind}\n"
    for labels, value in samples:
        pairs = ",".join(f'{label}="{said}"' for label, said in labels.items())
        yield f"{name}{{{pairs}}} {value}\n"
