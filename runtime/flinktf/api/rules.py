"""Rules between fields of a manifest, as a table: each in Python for the loader, and in CEL for the API server. Pure.

In CEL ``self`` is the spec or a role, with defaults applied (objects too). A rule says which fields it ``reads``, so
that it is not asked about fields that are wrong by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from flinktf.api.flink import PipelineJob
from flinktf.api.job import Spec
from flinktf.api.kubernetes import Resources
from flinktf.api.problems import FieldPath
from flinktf.api.roles import Role

Finding = tuple[FieldPath, Any]
"""Where a rule is broken, below the spec, and the value found there."""
Finder = Callable[[Spec], Iterator[Finding]]
OF_ROLES: Final = "roles[]."


@dataclass(frozen=True)
class Rule:
    """``cel`` is None where CEL cannot say it, or the schema does.

    ``field`` is what the API server calls wrong; below ``roles[]`` each role is ``self``. ``subject`` says more closely
    what is meant: unlike the loader, CEL cannot point into ``field``.
    """

    name: str
    reads: tuple[str, ...]
    field: str
    cel: str | None
    find: Finder
    message: str
    remedy: str
    subject: str = ""


# Settings by which flinktf puts roles where they belong: two hands on them would break that. A key that ends with a dot
# or a dash stands for all that begin with it.
OWN_SETTINGS: Final = {
    "cluster.fine-grained-resource-management.enabled": "the roles are placed by it",
    "external-resources": "it names the pool of each TaskManager",
    "external-resource.role-": "it names the pool of each TaskManager",
    "taskmanager.numberOfTaskSlots": "write spec.flink.pipeline.slots; a role's TaskManager has one",
    "taskmanager.cpu.cores": "it follows from the slots",
    "taskmanager.resource-id": "it names the TaskManager's role and index",
    "jobmanager.rpc.": "the addresses inside the job are flinktf's",
    "rest.port": "the addresses inside the job are flinktf's; flinktf run has --ui-port",
    "rest.bind-port": "the addresses inside the job are flinktf's; flinktf run has --ui-port",
    "rest.address": "the addresses inside the job are flinktf's",
    "high-availability.cluster-id": "it follows from the job's name",
    "kubernetes.cluster-id": "it follows from the job's name",
    "kubernetes.namespace": "it is the job's",
    "execution.target": "flinktf submits the job",
    "flinktf.": "the connector is told of the roles by these",
    "$internal.": "these are Flink's own",
}
# What Flink needs before its first slot (metaspace, overhead, framework, network), and for each: a role's slot needs
# heap, a pipeline's managed memory too (flinktf.flink.pools). With less, a TaskManager does not start or gets no task.
_MEBIBYTE: Final = 1 << 20
_BASE, _ROLE_SLOT, _PIPELINE_SLOT = 704 * _MEBIBYTE, 64 * _MEBIBYTE, 192 * _MEBIBYTE


def _where(condition: Callable[[Spec, Role], bool], field: str = "name") -> Finder:
    """Finds the roles that meet ``condition``."""

    def find(spec: Spec) -> Iterator[Finding]:
        for index, role in enumerate(spec.roles):
            if condition(spec, role):
                yield ("roles", index, field), getattr(role, field)

    return find


def _when(condition: Callable[[Spec], bool], *path: str | int) -> Finder:
    """Finds ``path``, without a value, when the spec meets ``condition``."""

    def find(spec: Spec) -> Iterator[Finding]:
        if condition(spec):
            yield path, None

    return find


def _programs(job: PipelineJob) -> int:
    return sum(program is not None for program in (job.python, job.sql, job.main_class))


def _names(spec: Spec) -> list[str]:
    return [role.name for role in spec.roles]


def _is_instance_name(spec: Spec, role: Role) -> bool:
    match = re.fullmatch(r"(.+)-\d+", role.name)
    return match is not None and match[1] in _names(spec)


def _cannot_restart_alone(spec: Spec, role: Role) -> bool:
    coupled = {
        "MultiWorkerMirrored": role.name != "evaluator",
        "ParameterServer": role.name in ("chief", "ps"),
        "Independent": False,
        "Custom": False,
    }
    return role.failover.policy == "Role" and coupled[spec.tensorflow.strategy]


def _no_role(name: str, reads: tuple[str, ...], wrong: str, find: Finder, message: str, remedy: str) -> Rule:
    """``wrong`` is CEL over a role ``r`` and the spec."""
    return Rule(name, reads, "roles", f"!self.roles.exists(r, {wrong})", find, message, remedy, "one of them")


def _single(name: str) -> Rule:
    return Rule(
        f"one-{name}",
        ("roles.name", "roles.replicas"),
        "roles[].replicas",
        f"self.name != '{name}' || self.replicas == 1",
        _where(lambda spec, role: role.name == name and role.replicas != 1, "replicas"),
        f"there is one {name} in a job",
        "make it 1",
    )


def _allowed(strategy: str, names: tuple[str, ...]) -> Rule:
    return _no_role(
        f"roles-of-{strategy}",
        ("roles.name", "tensorflow.strategy"),
        f"self.tensorflow.strategy == '{strategy}' && !(r.name in {list(names)})",
        _where(lambda spec, role: spec.tensorflow.strategy == strategy and role.name not in names),
        f"is no role under {strategy}",
        f"use {', '.join(names)}, or another spec.tensorflow.strategy",
    )


def _needed(name: str) -> Rule:
    return Rule(
        f"ParameterServer-needs-{name}",
        ("roles.name", "tensorflow.strategy"),
        "roles",
        f"self.tensorflow.strategy != 'ParameterServer' || self.roles.exists(r, r.name == '{name}')",
        _when(lambda spec: spec.tensorflow.strategy == "ParameterServer" and name not in _names(spec), "roles"),
        f"ParameterServer needs a {name}",
        f"add {{name: {name}, replicas: 1}} to spec.roles",
    )


def _suffix(field: str, suffix: str, remedy: str) -> Rule:
    def find(spec: Spec) -> Iterator[Finding]:
        file = getattr(spec.job, field, None)
        if file is not None and not file.endswith(suffix):
            yield ("job", field), file

    return Rule(
        f"{field}-file",
        (f"job.{field}",),
        f"job.{field}",
        f"!has(self.job) || !has(self.job.{field}) || self.job.{field}.endsWith('{suffix}')",
        find,
        f"is not a {suffix} file",
        remedy,
    )


def _own_setting(key: str, reason: str) -> Rule:
    is_prefix = key.endswith((".", "-"))
    meets = f"k.startsWith('{key}')" if is_prefix else f"k == '{key}'"

    def find(spec: Spec) -> Iterator[Finding]:
        for setting, value in spec.flink.configuration.items():
            if setting.startswith(key) if is_prefix else setting == key:
                yield ("flink", "configuration", setting), value

    return Rule(
        f"own-setting-{key.rstrip('.-')}",
        ("flink.configuration",),
        "flink.configuration",
        f"!self.flink.configuration.exists(k, {meets})",
        find,
        f"is set by flinktf: {reason}",
        "leave it out",
        f"{key}…" if is_prefix else key,
    )


def _small_task_managers(spec: Spec) -> Iterator[Finding]:
    if any(key.startswith("taskmanager.memory.") for key in spec.flink.configuration):
        return  # whoever divides the memory otherwise knows how much it takes
    pipeline = spec.flink.pipeline
    sizes: list[tuple[FieldPath, Resources, int]] = [
        (("flink", "pipeline"), pipeline.resources, _BASE + _PIPELINE_SLOT * pipeline.slots)
    ]
    for index, role in enumerate(spec.roles):
        sizes.append((("roles", index, "taskManager"), role.task_manager.resources, _BASE + _ROLE_SLOT))
    for path, resources, smallest in sizes:
        if resources.memory_bytes is not None and resources.memory_bytes < smallest:
            kind = "limits" if "memory" in resources.limits else "requests"
            yield (*path, "resources", kind, "memory"), getattr(resources, kind)["memory"]


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "role-names-differ",
        ("roles.name",),
        "roles",
        None,  # roles are a list with the name as its key
        _where(lambda spec, role: _names(spec).count(role.name) > 1),
        "two roles have this name",
        "join them, with more replicas",
    ),
    Rule(
        "role-name-of-a-pool",
        ("roles.name",),
        "roles[].name",
        "!(self.name in ['pipeline', 'jobmanager'])",
        _where(lambda spec, role: role.name in ("pipeline", "jobmanager")),
        "is the name of a pool of Flink's own",
        "choose another one",
    ),
    _no_role(
        "role-name-of-an-instance",
        ("roles.name",),
        "self.roles.exists(o, r.name.startsWith(o.name + '-') "
        "&& r.name.substring(size(o.name) + 1).matches('^[0-9]+$'))",
        _where(_is_instance_name),
        "is also the name of an instance of another role",
        "choose another one",
    ),
    _single("chief"),
    _single("evaluator"),
    _allowed("MultiWorkerMirrored", ("chief", "worker", "evaluator")),
    _allowed("ParameterServer", ("chief", "ps", "worker", "evaluator")),
    _no_role(
        "roles-of-Independent",
        ("roles.name", "tensorflow.strategy"),
        "self.tensorflow.strategy == 'Independent' && r.name in ['chief', 'ps']",
        _where(lambda spec, role: spec.tensorflow.strategy == "Independent" and role.name in ("chief", "ps")),
        "is no role under Independent, where every instance trains by itself",
        "use worker, or another spec.tensorflow.strategy",
    ),
    Rule(
        "MultiWorkerMirrored-needs-workers",
        ("roles.name", "tensorflow.strategy", "job"),
        "roles",
        "self.tensorflow.strategy != 'MultiWorkerMirrored' || self.roles.exists(r, r.name in ['chief', 'worker']) "
        "|| (size(self.roles) == 0 && !has(self.job))",
        _when(
            lambda spec: (
                spec.tensorflow.strategy == "MultiWorkerMirrored"
                and not {"chief", "worker"} & set(_names(spec))
                and bool(spec.roles or spec.job)
            ),
            "roles",
        ),
        "MultiWorkerMirrored needs workers",
        "add a role worker, or a chief; a job without roles is Independent",
    ),
    *map(_needed, ("chief", "ps", "worker")),
    Rule(
        "entrypoint-needed",
        ("roles.name", "roles.entrypoint", "tensorflow.strategy", "tensorflow.entrypoint", "job"),
        "tensorflow.entrypoint",
        "has(self.tensorflow.entrypoint) || (has(self.job) && !has(self.job.sql)) || self.roles.all(r, "
        "has(r.entrypoint) || (self.tensorflow.strategy == 'ParameterServer' && r.name in ['ps', 'worker']))",
        _when(
            lambda spec: (
                (spec.job is None or spec.job.sql is not None)
                and any(spec.resolved_entrypoint(role) is None and not spec.serves(role) for role in spec.roles)
            ),
            "tensorflow",
            "entrypoint",
        ),
        "is missing: nothing says what the roles without their own entrypoint run",
        "name a function, like train:main",
    ),
    Rule(
        "something-to-do",
        ("roles", "job"),
        "roles",
        "size(self.roles) > 0 || has(self.job)",
        _when(lambda spec: not spec.roles and spec.job is None, "roles"),
        "there is nothing to do: neither a role nor a pipeline",
        "add a role, or a job",
    ),
    Rule(
        "Custom-needs-work",
        ("roles.name", "tensorflow.strategy"),
        "roles",
        "self.tensorflow.strategy != 'Custom' || self.roles.exists(r, !(r.name in ['ps', 'evaluator']))",
        _when(
            lambda spec: spec.tensorflow.strategy == "Custom" and not set(_names(spec)) - {"ps", "evaluator"}, "roles"
        ),
        "nothing here has an end: ps and evaluator go on until the others are done",
        "add a role that does the work, like worker",
    ),
    _no_role(
        "restarts-together",
        ("roles.name", "roles.failover", "tensorflow.strategy"),
        "has(r.failover.policy) && r.failover.policy == 'Role' && ((self.tensorflow.strategy == 'MultiWorkerMirrored' "
        "&& r.name != 'evaluator') || (self.tensorflow.strategy == 'ParameterServer' && r.name in ['chief', 'ps']))",
        _where(_cannot_restart_alone, "failover"),
        "cannot restart alone: its peers hold what it knows",
        "make failover.policy Gang, or leave it out",
    ),
    Rule(
        "one-program",
        ("job.python", "job.sql", "job.mainClass"),
        "job",
        "!has(self.job) || [has(self.job.python), has(self.job.sql), has(self.job.mainClass)].filter(p, p).size() == 1",
        _when(lambda spec: spec.job is not None and _programs(spec.job) != 1, "job"),
        "needs one of python, sql and mainClass",
        "name one program; leave job out for a job without a pipeline",
    ),
    Rule(
        "class-needs-jars",
        ("job.mainClass", "job.jars"),
        "job.jars",
        "!has(self.job) || !has(self.job.mainClass) || size(self.job.jars) > 0",
        _when(
            lambda spec: spec.job is not None and spec.job.main_class is not None and not spec.job.jars, "job", "jars"
        ),
        "is missing: the class is in a JAR",
        "name the JAR, relative to code.path",
    ),
    Rule(
        "versions-need-checkpoints",
        ("model.versions", "checkpoint"),
        "model.versions",
        "!has(self.model.versions) || (has(self.checkpoint) && has(self.checkpoint.interval))",
        _when(
            lambda spec: (
                spec.model.versions is not None and (spec.checkpoint is None or spec.checkpoint.interval is None)
            ),
            "model",
            "versions",
        ),
        "needs checkpoints: a version is the model of one",
        "add spec.checkpoint.interval",
    ),
    _suffix("python", ".py", "name a Python file with main(job)"),
    _suffix("sql", ".sql", "name a file of SQL statements"),
    *(_own_setting(key, reason) for key, reason in OWN_SETTINGS.items()),
    Rule(
        "task-manager-memory",
        ("flink.pipeline.resources", "flink.pipeline.slots", "flink.configuration", "roles.taskManager.resources"),
        "flink",
        None,  # quantities are no numbers in a CRD's CEL
        _small_task_managers,
        "is too little memory for a TaskManager",
        "give a role's 768Mi, the pipeline's 1Gi and 256Mi for each slot beyond the first (m means a thousandth)",
    ),
)
