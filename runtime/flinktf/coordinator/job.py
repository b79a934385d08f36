"""What a coordinator must know of a job, from its manifest. Pure."""

from __future__ import annotations

from flinktf.api.job import FlinkTFJob
from flinktf.api.kubernetes import duration_value
from flinktf.api.roles import Role
from flinktf.coordinator.failover import Policy, Rule
from flinktf.coordinator.shape import JobShape, default_scope
from flinktf.protocol.task import Strategy


def shape_of(job: FlinkTFJob, *, submitted_here: bool) -> JobShape:
    """``submitted_here``: a driver tells the coordinator of the Flink job."""
    spec = job.spec
    strategy = spec.tensorflow.strategy
    return JobShape(
        job=job.metadata.name,
        roles=tuple((role.name, role.replicas) for role in spec.roles),
        strategy=strategy,
        forming_timeout_seconds=spec.forming_timeout_seconds,
        submitted_here=submitted_here,
        checkpoints=spec.checkpoint is not None and spec.checkpoint.interval is not None,
        servers=frozenset(spec.servers),
        failover={role.name: _policy(role, strategy) for role in spec.roles},
    )


def _policy(role: Role, strategy: Strategy) -> Policy:
    given = role.failover
    return Policy(
        scope=given.policy or default_scope(strategy, role.name),
        max_restarts=given.max_restarts,
        backoff_seconds=duration_value(given.backoff.initial).total_seconds(),
        backoff_limit_seconds=duration_value(given.backoff.limit).total_seconds(),
        healthy_seconds=duration_value(given.backoff.reset_after).total_seconds(),
        rules=tuple(Rule(rule.action, rule.exit_codes, rule.reasons) for rule in given.rules),
    )
