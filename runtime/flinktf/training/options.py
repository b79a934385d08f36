"""What a user asked of ``context.dataset(...)``, as a plain value that can travel to another process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class DatasetOptions:
    """``batch_size`` and ``shuffle`` count rows. ``part`` selects rows by ``split_by``: None takes all of them."""

    features: tuple[str, ...] | None
    label: str | None
    batch_size: int
    weight: str | None = None
    as_matrix: bool = False
    fill: Mapping[str, Any] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    drop_remainder: bool = False
    skip_bad: int = 0
    shuffle: int | None = None
    seed: int = 0
    split_by: str | None = None
    part: bool | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; it must be at least 1 row")
        if self.shuffle is not None and self.shuffle < 1:
            raise ValueError(f"shuffle is {self.shuffle}; it is a number of rows, or None")
        if self.skip_bad < 0:
            raise ValueError(f"skip_bad is {self.skip_bad}; it is a number of records")
        if self.features is not None and not self.features:
            raise ValueError("features is empty; name columns, or leave it out for all of them")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> DatasetOptions:
        value = json.loads(text)
        if value["features"] is not None:
            value["features"] = tuple(value["features"])
        return DatasetOptions(**value)
