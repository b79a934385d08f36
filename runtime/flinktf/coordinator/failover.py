"""What becomes of a job when a role instance fails: policy, what is spent of it, and failure in; verdict out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Scope = Literal["Role", "Gang", "Job"]
"""What restarts: the instance alone, the whole TensorFlow cluster, or nothing."""
Action = Literal["Count", "Ignore", "FailJob"]
"""What a rule says of a failure: it counts, it does not, or it ends the job."""

PREEMPTED: Final = "Preempted"


@dataclass(frozen=True)
class Failure:
    """What failed first, an instance or the job, and its own words.

    ``type`` is the name of a Python exception, or flinktf's word for it. ``exit_code`` is the process', as a shell has
    it: 128 and the number of the signal that killed it.
    """

    instance: str
    type: str
    message: str
    traceback: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class Rule:
    """Matches a failure when each of its conditions does; one without values always does."""

    action: Action
    exit_codes: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()

    def matches(self, failure: Failure) -> bool:
        codes = not self.exit_codes or failure.exit_code in self.exit_codes
        return codes and (not self.reasons or failure.type in self.reasons)


@dataclass(frozen=True)
class Policy:
    """Of one role; times are in seconds. Restarts are forgotten after ``healthy_seconds`` without a failure."""

    scope: Scope
    max_restarts: int = 10
    backoff_seconds: float = 1.0
    backoff_limit_seconds: float = 60.0
    healthy_seconds: float = 600.0
    rules: tuple[Rule, ...] = ()

    def rule(self, failure: Failure) -> Rule | None:
        """The first one that matches."""
        return next((rule for rule in self.rules if rule.matches(failure)), None)


@dataclass(frozen=True)
class Spent:
    """What a role has used of its policy: counted restarts since it was healthy, and when it last failed."""

    restarts: int = 0
    failed_at: float = -math.inf


@dataclass(frozen=True)
class Verdict:
    """``scope`` Job: the job fails, for ``reason``. Else what restarts, ``delay`` seconds from now at the earliest."""

    scope: Scope
    delay: float = 0.0
    reason: str = ""


def judge(policy: Policy, spent: Spent, failure: Failure, now: float) -> tuple[Verdict, Spent]:
    """The verdict on ``failure`` at ``now``, and what is spent then."""
    rule = policy.rule(failure)
    action: Action = "Ignore" if failure.type == PREEMPTED else rule.action if rule is not None else "Count"
    if action == "FailJob":
        return Verdict("Job", reason="a rule of its failover says FailJob"), spent
    if policy.scope == "Job" and action == "Count":
        return Verdict("Job"), spent
    if now - spent.failed_at > policy.healthy_seconds:
        spent = Spent()
    if action == "Ignore":  # it was no failure: where one would end the job, all begin again
        return Verdict("Gang" if policy.scope == "Job" else policy.scope), replace(spent, failed_at=now)
    if spent.restarts >= policy.max_restarts:
        return Verdict("Job", reason=f"failover.maxRestarts ({policy.max_restarts}) is reached"), spent
    again = spent.restarts - 1  # the first failure may be an accident: nobody waits for it
    delay = min(policy.backoff_limit_seconds, policy.backoff_seconds * 2.0 ** min(again, 60)) if again >= 0 else 0.0
    return Verdict(policy.scope, delay), Spent(spent.restarts + 1, now)


def policy_from_json(value: dict[str, Any]) -> Policy:
    rules = (Rule(rule["action"], tuple(rule["exit_codes"]), tuple(rule["reasons"])) for rule in value["rules"])
    return Policy(**value | {"rules": tuple(rules)})
