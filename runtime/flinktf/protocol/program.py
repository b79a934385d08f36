"""What the program of a job (its ``job.py``, or its Java) has said that a role runs: DL on Flink's ``TFClusterConfig``.

It travels through Flink's configuration and HELLO, and stands above the manifest's entrypoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Program:
    """At most one of three ways to name the function: ``name`` in the Python file ``file`` (relative to the job's code,
    or absolute), ``reference`` (``module:function``), or ``pickled``, the function itself by cloudpickle, in base64.

    ``epochs`` is how often the records from Flink can be read.
    """

    file: str | None = None
    name: str | None = None
    reference: str | None = None
    pickled: str | None = None
    epochs: int = 1
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether it names a function at all."""
        return (self.file or self.reference or self.pickled) is not None


def program_from(value: Any) -> Program | None:
    """None for null. Raises ValueError, KeyError or TypeError for what is none."""
    if value is None:
        return None
    texts = {key: value.get(key) for key in ("file", "name", "reference", "pickled")}
    if any(text is not None and not isinstance(text, str) for text in texts.values()):
        raise ValueError(f"'program' has something else than a text in {', '.join(texts)}")
    properties = {str(key): str(text) for key, text in value["properties"].items()}
    return Program(**texts, epochs=int(value["epochs"]), properties=properties)
