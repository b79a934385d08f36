"""Rules between fields of a manifest, as a table: path, condition for being wrong, message, remedy. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flinktf.api.job import Spec

_ROLES: Final = {
    "MultiWorkerMirrored": ("chief", "worker", "evaluator"),
    "ParameterServer": ("chief", "ps", "worker", "evaluator"),
}
_SINGLE: Final = ("chief", "evaluator")
_RESERVED: Final = ("pipeline", "jobmanager")

# Settings by which flinktf puts roles where they belong: two hands on them would break that.
_OWN_SETTINGS: Final = (
    "cluster.fine-grained-resource-management.enabled",
    "external-resource",
    "taskmanager.numberOfTaskSlots",
    "taskmanager.cpu.cores",
    "taskmanager.resource-id",
    "jobmanager.rpc.",
    "rest.port",
    "rest.bind-port",
    "rest.address",
    "high-availability.cluster-id",
    "execution.target",
    "flinktf.",
    "$internal.",
)


@dataclass(frozen=True)
class Violation:
    """``path`` is a tuple like ``("spec", "roles", 1, "replicas")``."""

    path: tuple[str | int, ...]
    value: Any
    message: str
    remedy: str


def violations(spec: Spec) -> Iterator[Violation]:
    """Everything that is wrong between the fields of ``spec``."""
    yield from _roles(spec)
    yield from _strategy(spec)
    yield from _entrypoints(spec)
    yield from _pipeline(spec)
    yield from _configuration(spec)


def _roles(spec: Spec) -> Iterator[Violation]:
    names = Counter(role.name for role in spec.roles)
    for index, role in enumerate(spec.roles):
        path = ("spec", "roles", index)
        if names[role.name] > 1:
            yield Violation((*path, "name"), role.name, "two roles have this name", "join them, with more replicas")
        if role.name in _RESERVED:
            yield Violation((*path, "name"), role.name, "is the name of a pool of Flink's own", "choose another one")
        if role.name in _SINGLE and role.replicas != 1:
            yield Violation((*path, "replicas"), role.replicas, f"there is one {role.name} in a job", "make it 1")


def _strategy(spec: Spec) -> Iterator[Violation]:
    strategy, names = spec.tensorflow.strategy, {role.name for role in spec.roles}
    allowed = _ROLES.get(strategy)
    for index, role in enumerate(spec.roles):
        path = ("spec", "roles", index, "name")
        if allowed is not None and role.name not in allowed:
            remedy = f"use {', '.join(allowed)}, or another spec.tensorflow.strategy"
            yield Violation(path, role.name, f"is no role under {strategy}", remedy)
        if allowed is None and role.name in ("chief", "ps"):
            remedy = "use worker, or another spec.tensorflow.strategy"
            yield Violation(path, role.name, "under Independent every instance trains by itself", remedy)
    roles = ("spec", "roles")
    if strategy == "MultiWorkerMirrored" and not names & {"chief", "worker"}:
        yield Violation(roles, sorted(names), "MultiWorkerMirrored needs workers", "add a role worker")
    if strategy == "ParameterServer":
        for needed in ("chief", "ps", "worker"):
            if needed not in names:
                remedy = f"add {{name: {needed}, replicas: 1}} to spec.roles"
                yield Violation(roles, sorted(names), f"ParameterServer needs a {needed}", remedy)


def _entrypoints(spec: Spec) -> Iterator[Violation]:
    served = ("ps", "worker") if spec.tensorflow.strategy == "ParameterServer" else ()
    without = [role.name for role in spec.roles if spec.resolved_entrypoint(role) is None and role.name not in served]
    if without:
        message = f"{', '.join(without)}: nothing says what they run"
        yield Violation(("spec", "tensorflow", "entrypoint"), None, message, "name a function, like train:main")


def _pipeline(spec: Spec) -> Iterator[Violation]:
    job = spec.job
    if job is None:
        return
    path = ("spec", "job")
    if (job.python is None) == (job.sql is None):
        yield Violation(
            path, None, "needs either python or sql", "name one file; leave job out for a job without a pipeline"
        )
    if job.python is not None and not job.python.endswith(".py"):
        yield Violation((*path, "python"), job.python, "is not a .py file", "name a Python file with main(job)")
    if job.sql is not None and not job.sql.endswith(".sql"):
        yield Violation((*path, "sql"), job.sql, "is not a .sql file", "name a file of SQL statements")


def _configuration(spec: Spec) -> Iterator[Violation]:
    for key, value in spec.flink.configuration.items():
        if key.startswith(_OWN_SETTINGS):
            path = ("spec", "flink", "configuration", key)
            yield Violation(path, value, "is set by flinktf, which places the roles by it", "leave it out")
