"""What a coordinator must know of its job before anyone registers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from flinktf.protocol.task import Strategy

EVALUATOR = "evaluator"


@dataclass(frozen=True)
class JobShape:
    """``roles`` are pairs of name and replicas, in the manifest's order; times are in seconds.

    ``submitted_here`` says that a driver tells of the Flink job: before it is submitted, nobody is late.
    """

    job: str
    roles: tuple[tuple[str, int], ...]
    strategy: Strategy
    forming_timeout_seconds: float
    heartbeat_timeout_seconds: float = 30.0
    submitted_here: bool = False

    @property
    def instances(self) -> tuple[tuple[str, int], ...]:
        """Every role and index that must register."""
        return tuple((role, index) for role, replicas in self.roles for index in range(replicas))

    def trains(self, role: str) -> bool:
        """Whether the job has succeeded only when this role is done; the others are told to stop then."""
        if self.strategy == "ParameterServer":
            return role == "chief"
        return role != EVALUATOR

    def in_cluster(self, role: str) -> bool:
        """Whether the role's addresses are in ``TF_CONFIG``."""
        return self.strategy != "Independent" and role != EVALUATOR

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def shape_from_json(text: str) -> JobShape:
    value = json.loads(text)
    return JobShape(**value | {"roles": tuple((name, replicas) for name, replicas in value["roles"])})
