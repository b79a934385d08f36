"""What a coordinator must know of its job before anyone registers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from flinktf.coordinator.failover import Policy, Scope, policy_from_json
from flinktf.protocol.task import Strategy

EVALUATOR = "evaluator"


@dataclass(frozen=True)
class JobShape:
    """``roles`` are pairs of name and replicas, in the manifest's order; times are in seconds.

    ``submitted_here`` says that a driver tells of the Flink job: before it is submitted, nobody is late.
    ``checkpoints`` says that Flink makes them. ``servers`` are roles that serve models to the pipeline, until that is
    over. ``failover`` has the policies of roles; a role without one has what its
    strategy needs.
    """

    job: str
    roles: tuple[tuple[str, int], ...]
    strategy: Strategy
    forming_timeout_seconds: float
    heartbeat_timeout_seconds: float = 30.0
    submitted_here: bool = False
    checkpoints: bool = False
    servers: frozenset[str] = frozenset()
    failover: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def instances(self) -> tuple[tuple[str, int], ...]:
        """Every role and index that must register."""
        return tuple((role, index) for role, replicas in self.roles for index in range(replicas))

    def trains(self, role: str) -> bool:
        """Whether the job has succeeded only when this role is done; the others are told to stop then."""
        if self.strategy == "ParameterServer":
            return role == "chief"
        if self.strategy == "Custom" and role == "ps":
            return False  # a parameter server joins its cluster, and has no end of its own
        return role != EVALUATOR and role not in self.servers

    def in_cluster(self, role: str) -> bool:
        """Whether the role's addresses are in ``TF_CONFIG``."""
        return self.strategy != "Independent" and role != EVALUATOR

    def policy(self, role: str) -> Policy:
        """What happens when an instance of the role fails."""
        return self.failover.get(role) or Policy(default_scope(self.strategy, role))

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"servers": sorted(self.servers)})


def shape_from_json(text: str) -> JobShape:
    value = json.loads(text)
    roles = tuple((name, replicas) for name, replicas in value["roles"])
    failover = {role: policy_from_json(policy) for role, policy in value["failover"].items()}
    return JobShape(**value | {"roles": roles, "failover": failover, "servers": frozenset(value["servers"])})


def default_scope(strategy: Strategy, role: str) -> Scope:
    """What has to restart: synchronous workers, a chief and its parameter servers hold each other's state."""
    if strategy == "Independent" or role == EVALUATOR:
        return "Role"
    return "Role" if strategy == "ParameterServer" and role == "worker" else "Gang"
