"""Specs that break one rule between fields, and specs that break none: for the loader and for a real API server."""

from __future__ import annotations

from typing import Any

from flinktf.api.rules import OWN_SETTINGS
from unit.api.manifests import SERVERS

PS = SERVERS["tensorflow"]
EVALUATOR = {"name": "evaluator", "replicas": 3}
CHIEF = {"name": "chief", "entrypoint": "a:b"}
INDEPENDENT = {"strategy": "Independent", "entrypoint": "a:b"}
CUSTOM = {"strategy": "Custom", "entrypoint": "a:b"}
SMALL = {"resources": {"limits": {"memory": "512m"}}}


def roles(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def own_setting(key: str) -> tuple[str, dict[str, Any], list[str]]:
    setting = f"{key}x" if key.endswith((".", "-")) else key
    spec = {"flink": {"configuration": {setting: 4, "other": 5}}}
    return f"own-setting-{key.rstrip('.-')}", spec, [f"spec.flink.configuration.{setting}"]


BROKEN: list[tuple[str, dict[str, Any], list[str]]] = [
    ("role-names-differ", {"roles": roles("worker", "worker")}, ["spec.roles[0].name", "spec.roles[1].name"]),
    ("role-name-of-a-pool", {"roles": roles("pipeline"), "tensorflow": INDEPENDENT}, ["spec.roles[0].name"]),
    ("role-name-of-a-pool", {"roles": roles("jobmanager"), "tensorflow": INDEPENDENT}, ["spec.roles[0].name"]),
    ("role-name-of-an-instance", {"roles": roles("a", "a-1"), "tensorflow": INDEPENDENT}, ["spec.roles[1].name"]),
    ("one-chief", {"roles": [{"name": "worker"}, {"name": "chief", "replicas": 2}]}, ["spec.roles[1].replicas"]),
    ("one-evaluator", {"roles": [*roles("worker"), EVALUATOR]}, ["spec.roles[1].replicas"]),
    ("roles-of-MultiWorkerMirrored", {"roles": roles("worker", "ps")}, ["spec.roles[1].name"]),
    ("roles-of-MultiWorkerMirrored", {"roles": roles("chief", "tower")}, ["spec.roles[1].name"]),
    (
        "roles-of-ParameterServer",
        {"roles": roles("chief", "ps", "worker", "tower"), "tensorflow": PS},
        ["spec.roles[3].name"],
    ),
    (
        "roles-of-Independent",
        {"roles": roles("ps", "chief"), "tensorflow": INDEPENDENT},
        ["spec.roles[0].name", "spec.roles[1].name"],
    ),
    (
        "restarts-together",
        {"roles": [{"name": "worker", "failover": {"policy": "Role"}}]},
        ["spec.roles[0].failover"],
    ),
    ("versions-need-checkpoints", {"model": {"versions": {}}}, ["spec.model.versions"]),
    ("MultiWorkerMirrored-needs-workers", {"roles": roles("evaluator")}, ["spec.roles"]),
    ("ParameterServer-needs-chief", {"roles": roles("ps", "worker"), "tensorflow": PS}, ["spec.roles"]),
    ("ParameterServer-needs-ps", {"roles": roles("chief", "worker"), "tensorflow": PS}, ["spec.roles"]),
    ("ParameterServer-needs-worker", {"roles": roles("chief", "ps"), "tensorflow": PS}, ["spec.roles"]),
    ("entrypoint-needed", {"tensorflow": {}}, ["spec.tensorflow.entrypoint"]),
    (
        "entrypoint-needed",
        {"tensorflow": {"strategy": "ParameterServer"}, "roles": [*roles("ps", "worker", "evaluator"), CHIEF]},
        ["spec.tensorflow.entrypoint"],
    ),
    ("Custom-needs-work", {"tensorflow": CUSTOM, "roles": roles("ps", "evaluator")}, ["spec.roles"]),
    ("something-to-do", {"tensorflow": INDEPENDENT, "roles": []}, ["spec.roles"]),
    ("one-program", {"job": {}}, ["spec.job"]),
    ("one-program", {"job": {"python": "a.py", "sql": "a.sql"}}, ["spec.job"]),
    ("one-program", {"job": {"sql": "a.sql", "mainClass": "A", "jars": ["a.jar"]}}, ["spec.job"]),
    ("class-needs-jars", {"job": {"mainClass": "com.example.Main"}}, ["spec.job.jars"]),
    ("python-file", {"job": {"python": "a.sh"}}, ["spec.job.python"]),
    ("sql-file", {"job": {"sql": "a.txt"}}, ["spec.job.sql"]),
    ("task-manager-memory", {"flink": {"pipeline": SMALL}}, ["spec.flink.pipeline.resources.limits.memory"]),
    (
        "task-manager-memory",
        {"flink": {"pipeline": {"slots": 2, "resources": {"limits": {"memory": "896Mi"}}}}},
        ["spec.flink.pipeline.resources.limits.memory"],
    ),
    (
        "task-manager-memory",
        {"roles": [{"name": "worker", "taskManager": {"resources": {"requests": {"memory": "700Mi"}}}}]},
        ["spec.roles[0].taskManager.resources.requests.memory"],
    ),
    *(own_setting(key) for key in OWN_SETTINGS),
]
KEPT: list[dict[str, Any]] = [
    {},
    SERVERS,
    {"roles": roles("chief")},
    {"roles": roles("chief", "worker", "evaluator")},
    {"roles": roles("tower", "tower-a", "mast-1"), "tensorflow": INDEPENDENT},
    {"tensorflow": {}, "roles": [{"name": "worker", "entrypoint": "train:main"}]},
    {
        "tensorflow": {"strategy": "ParameterServer"},
        "roles": [*roles("ps", "worker"), {"name": "chief", "entrypoint": "a.b:c"}],
    },
    {"job": {"sql": "a.sql", "args": ["a=b"]}},
    {"tensorflow": {"entrypoint": "a:b", "env": {"A": None}}, "flink": {"configuration": {"a.b": None}}},
    {"job": {"python": "a/b.py"}},
    {"job": {"mainClass": "com.example.Main", "jars": ["a.jar"]}, "tensorflow": {}},
    {"job": {"sql": "a.sql", "jars": ["lib/kafka.jar"]}},
    {"job": {"python": "a/b.py"}, "tensorflow": {"strategy": "Independent"}, "roles": []},
    {"job": {"python": "a/b.py"}, "tensorflow": {}},
    {"roles": roles("chief", "ps", "tower"), "tensorflow": CUSTOM},
    {"flink": {"configuration": {"external-resource.fpga.amount": 1, "rest.connection-timeout": "1s", "a": "true"}}},
    {"flink": {"pipeline": {"resources": {"limits": {"memory": "896Mi", "cpu": 1}}}}},
    {"roles": [{"name": "worker", "taskManager": {"resources": {"limits": {"memory": "768Mi"}}}}]},
    {"flink": {"pipeline": SMALL, "configuration": {"taskmanager.memory.network.min": "1m"}}},
]
