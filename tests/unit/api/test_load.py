"""Reading a manifest: a job, or a ManifestError that names every problem by path, value, remedy and line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf.api import FlinkTFJob, ManifestError, load_manifest
from flinktf.api.load import parse_manifest
from unit.api.manifests import GOOD, SERVERS, job, problems, text


@pytest.mark.parametrize(
    ("document", "path", "message", "remedy"),
    [
        (job(rolls=[]), "spec.rolls", "unknown field", "did you mean 'roles'?"),
        (job(roles=[{"name": "worker", "replica": 2}]), "spec.roles[0].replica", "unknown field", "'replicas'"),
        (job(tensorflow={"environment": {}}), "spec.tensorflow.environment", "unknown field", "'env'?"),
        (job(flink={"jobManager": {"x": 1}}), "spec.flink.jobManager.x", "unknown field", "remove it; known here:"),
        (job(roles=[{"name": "worker", "replicas": 0}]), "spec.roles[0].replicas", "greater than or equal to 1", ""),
        (job(roles=[{"name": "worker", "replicas": 513}]), "spec.roles[0].replicas", "less than or equal to 512", ""),
        (job(roles=[{"name": "worker", "replicas": "two"}]), "spec.roles[0].replicas", "type", "whole number, like 2"),
        (job(roles=[{"name": "worker", "replicas": "2"}]), "spec.roles[0].replicas", "type", "whole number, like 2"),
        (job(roles=[{"name": "worker", "replicas": 1.5}]), "spec.roles[0].replicas", "type", "whole number, like 2"),
        (job(roles=[{"name": "worker", "replicas": True}]), "spec.roles[0].replicas", "type", "whole number, like 2"),
        (job(roles=[]), "spec.roles", "nothing to do", "add a role, or a job"),
        (job(roles=[{"replicas": 2}]), "spec.roles[0].name", "is missing", "write it like name: worker"),
        (job(roles={"name": "worker"}), "spec.roles", "wrong type", "expects a list"),
        (job(roles=["worker"]), "spec.roles[0]", "wrong type", "expects fields"),
        (job(roles=None), "spec.roles", "nothing to do", "add a role, or a job"),
        (job(flink="2.3"), "spec.flink", "wrong type", "expects fields"),
        (job(suspend="yes"), "spec.suspend", "wrong type", "true or false"),
        (job(suspend=1), "spec.suspend", "wrong type", "true or false"),
        (job(formingTimeout="soon"), "spec.formingTimeout", "is not a duration", "30s, 5m or 1h30m"),
        (job(formingTimeout="0s"), "spec.formingTimeout", "is not a duration", "30s, 5m or 1h30m"),
        (job(formingTimeout=""), "spec.formingTimeout", "is not a duration", "30s, 5m or 1h30m"),
        (job(formingTimeout="9" * 30 + "h"), "spec.formingTimeout", "is not a duration", "30s, 5m or 1h30m"),
        (job(formingTimeout=300), "spec.formingTimeout", "wrong type", "in quotes"),
        (job(tensorflow={"entrypoint": "train.py"}), "spec.tensorflow.entrypoint", "form", "entrypoint: train:main"),
        (job(tensorflow={"entrypoint": "a..b:c"}), "spec.tensorflow.entrypoint", "form", "entrypoint: train:main"),
        (job(tensorflow={"strategy": "Mirrored"}), "spec.tensorflow.strategy", "allowed values", "ParameterServer"),
        (job(tensorflow={"env": {"A=B": "x"}}), "spec.tensorflow.env.A=B", "form", "must match"),
        (job(tensorflow={"env": {"A": "\0"}}), "spec.tensorflow.env.A", "form", "must match"),
        (job(tensorflow={"env": {"A": True}}), "spec.tensorflow.env.A", "wrong type", "in quotes"),
        (job(tensorflow={"parameters": [1]}), "spec.tensorflow.parameters", "wrong type", "expects fields"),
        (job(flink={"version": "1.20"}), "spec.flink.version", "allowed values", "2.3"),
        (job(flink={"version": 2.3}), "spec.flink.version", "is a number", 'write it in quotes: "2.3"'),
        (job(model={"path": "a\0b"}), "spec.model.path", "form", "must match"),
        (job(model={"path": ""}), "spec.model.path", "at least 1 character", ""),
        (
            job(flink={"pipeline": {"resources": {"limits": {"memory": "1 GB"}}}}),
            "spec.flink.pipeline.resources.limits.memory",
            "is not a quantity",
            "512Mi",
        ),
        (
            job(flink={"pipeline": {"resources": {"limits": {"cpu": 0.5}}}}),
            "spec.flink.pipeline.resources.limits.cpu",
            "wrong type",
            "in quotes",
        ),
        (GOOD | {"metadata": {"name": "Wine_1"}}, "metadata.name", "form", "name: wine"),
        (GOOD | {"metadata": {"name": "a" * 41}}, "metadata.name", "at most 40", ""),
        (GOOD | {"metadata": {}}, "metadata.name", "is missing", "name: wine"),
        (GOOD | {"kind": "TFJob"}, "kind", "is not one that this version of flinktf knows", "kind: FlinkTFJob"),
        (GOOD | {"apiVersion": "flinktf.dev/v2"}, "apiVersion", "is not one", "apiVersion: flinktf.dev/v1alpha1"),
        ({k: v for k, v in GOOD.items() if k != "apiVersion"}, "apiVersion", "is missing", "flinktf.dev/v1alpha1"),
        (GOOD | {"spec": None}, "spec", "is missing", "add it"),
    ],
)
def test_wrong_ones(document: Any, path: str, message: str, remedy: str) -> None:
    found = [problem for problem in problems(document) if problem.path == path]
    assert len(found) == 1, problems(document)
    assert message in found[0].message
    assert remedy in found[0].remedy
    assert found[0].line is not None


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    manifest = """\
        apiVersion: flinktf.dev/v1
        kind: FlinkTFJob
        metadata: {name: wine, name: beer}
        spec:
          tensorflow: {entrypoint: train:main, parameters: {rate: .nan}}
          roles:
          - name: worker
            x: 1
          - {name: ps, replicas: 0}
          job: {}
        """
    assert [(p.path, p.line) for p in problems(manifest)] == [
        ("apiVersion", 1),
        ("metadata.name", 3),
        ("spec.tensorflow.parameters.rate", 5),
        ("spec.roles[0].x", 8),
        ("spec.roles[1].replicas", 9),
        ("spec.roles[1].name", 9),
        ("spec.job", 10),
    ]


def test_what_is_meant_to_be_something_else_is_told_so_only() -> None:
    found = problems({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"a": 1}})
    assert [(p.path, p.value) for p in found] == [("apiVersion", '"apps/v1"'), ("kind", '"Deployment"')]
    assert [p.message for p in problems("- 1")] == ["is not a FlinkTFJob"]


def test_a_null_is_the_default() -> None:
    document = job(suspend=None, flink=None, job=None, roles=[{"name": "worker", "nodeSelector": None}])
    spec = parse_manifest(text(document), Path()).job.spec
    assert spec.model_fields_set == {"tensorflow", "roles"}
    assert spec.roles[0].node_selector == {}


def test_settings_are_texts() -> None:
    settings = {"a": 1, "b": "true", "c": "0.5", "d": "x"}
    spec = parse_manifest(text(job(flink={"configuration": settings})), Path()).job.spec
    assert spec.flink.configuration == {"a": "1", "b": "true", "c": "0.5", "d": "x"}


@pytest.mark.parametrize("value", [True, 0.5])
def test_settings_that_yaml_reads_otherwise_are_to_be_quoted(value: object) -> None:
    with pytest.raises(ManifestError) as raised:
        parse_manifest(text(job(flink={"configuration": {"a": value}})), Path())
    (problem,) = raised.value.problems
    assert (problem.path, problem.remedy) == ("spec.flink.configuration.a", "write it in quotes")


@pytest.mark.parametrize(
    "spec",
    [
        {"tensorflow": {"entrypoint": "a:b", "env": {"PASSWORD": 70861}}},
        {"tensorflow": {"entrypoint": "a:b", "env": "PASSWORD=70861"}},
        {"tensorflow": {"entrypoint": "a:b", "env": [{"name": "PASSWORD", "value": "70861"}]}},
        {"tensorflow": {"entrypoint": "a:b", "environ": {"PASSWORD": "70861"}}},
        {"tensorflow": ["70861"]},
        {"password": "70861"},
        {"flink": {"configuration": {"s3.secret-key": ["70861"]}}},
        {"flink": {"configuration": {"flinktf.token": "70861"}}},
    ],
)
def test_what_may_be_secret_is_not_told(spec: dict[str, Any]) -> None:
    for problem in problems(job(**spec)):
        assert "70861" not in repr(problem)


def test_a_value_is_shortened() -> None:
    (problem,) = problems(job(model={"path": "x" * 600}))
    assert problem.value is not None
    assert len(problem.value) == 80


def test_what_a_terminal_would_obey_is_escaped() -> None:
    (problem,) = problems(job(**{"\x1b[2J": "\x1b[2J"}))
    assert "\x1b" not in problem.path + (problem.value or "")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "does not exist"),
        (b"\xff\xfe\x00", "is not UTF-8 text: byte 0 is 0xff"),
        (b"#" * ((1 << 20) + 1), "is larger than 1 MiB"),
        (b"", "is empty"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, data: bytes | None, message: str) -> None:
    file = tmp_path / "job.yaml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ManifestError, match=message):
        load_manifest(file)


@pytest.mark.parametrize("name", [".", "a\0b", "/dev/zero", "x" * 300])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match=r"cannot be read|larger than"):
        load_manifest(tmp_path / name)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(text(GOOD), encoding="utf-8-sig")
    loaded = load_manifest(tmp_path / "job.yaml")
    assert loaded.directory == loaded.code_path == tmp_path


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda drawn: drawn.encode(errors="replace"))))
def test_any_file_is_a_manifest_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "job.yaml"
    file.write_bytes(data)
    with pytest.raises(ManifestError):
        load_manifest(file)


_WORDS = st.sampled_from(
    [":", "- ", "\n", " ", "  ", "{", "}", "[", "]", ",", "&a", "*a", "!!int", "!x", "'", '"', "? "]
)
_WORD = st.one_of(
    _WORDS, st.sampled_from(["spec", "roles", "name", "null", "1e3", ".inf", "\\ud800", "<<", "|", ">", "%"])
)


@given(st.lists(_WORD, max_size=30).map("".join))
def test_anything_like_yaml_is_a_manifest_error(manifest: str) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(manifest, Path())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PLACES = """
    spec metadata status spec.suspend spec.code spec.model.path spec.checkpoint.interval spec.formingTimeout
    spec.roles spec.roles.0 spec.roles.0.name spec.roles.0.replicas spec.roles.0.gpu spec.roles.0.taskManager
    spec.roles.0.tolerations spec.roles.0.failover spec.tensorflow spec.tensorflow.env spec.tensorflow.parameters
    spec.tensorflow.strategy spec.flink spec.flink.configuration spec.flink.pipeline spec.flink.pipeline.resources
    spec.job spec.job.args spec.backoffLimit
"""
_PATHS = [place.split(".") for place in _PLACES.split()]


@given(st.sampled_from(_PATHS), _JSON)
def test_any_value_anywhere_is_a_job_or_a_manifest_error(path: list[str], value: Any) -> None:
    document = copy.deepcopy(GOOD)
    place: Any = document
    for part in path[:-1]:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    place[int(path[-1]) if path[-1].isdigit() else path[-1]] = value
    try:
        parse_manifest(text(document), Path())
    except ManifestError as error:
        assert error.problems  # noqa: PT017
        assert all(problem.message and problem.remedy for problem in error.problems)  # noqa: PT017


_NAMES = st.from_regex(r"\A[a-z]([a-z-]{0,18}[a-z])?\Z").filter(
    lambda name: name not in ("chief", "ps", "evaluator", "pipeline", "jobmanager")
)
_QUANTITIES = st.sampled_from(["1Gi", "2048Mi", "1e10", "1.5G", "1T"])
_DURATIONS = st.builds("{}h{}m{}s".format, st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
_ROLES = st.fixed_dictionaries(
    {"replicas": st.integers(1, 512)},
    optional={
        "entrypoint": st.just("a.b:c"),
        "resources": st.fixed_dictionaries({"limits": st.dictionaries(st.just("memory"), _QUANTITIES)}),
        "gpu": st.fixed_dictionaries({"count": st.integers(1, 16)}, optional={"product": st.just("NVIDIA-L4")}),
        "nodeSelector": st.dictionaries(st.text(), st.text()),
        "podTemplate": st.dictionaries(st.text(), _JSON),
        "failover": st.fixed_dictionaries({"maxRestarts": st.integers(0, 9), "stallTimeout": _DURATIONS}),
    },
)
_SPECS = st.fixed_dictionaries(
    {
        "roles": st.dictionaries(_NAMES, _ROLES, min_size=1, max_size=3).map(
            lambda roles: [{"name": name, **role} for name, role in roles.items()]
        ),
        "tensorflow": st.fixed_dictionaries(
            {"strategy": st.just("Independent"), "entrypoint": st.just("train:main")},
            optional={"parameters": st.dictionaries(st.text(), _JSON)},
        ),
    },
    optional={
        "job": st.sampled_from([{"python": "job.py"}, {"sql": "job.sql", "args": ["a=1"]}]),
        "checkpoint": st.fixed_dictionaries({"interval": _DURATIONS}),
        "suspend": st.booleans(),
        "activeDeadlineSeconds": st.integers(1, 10**9),
        "flink": st.fixed_dictionaries({"configuration": st.dictionaries(st.sampled_from("abc"), st.text())}),
    },
)


@given(_SPECS)
def test_what_is_written_is_read_again(spec: dict[str, Any]) -> None:
    written = FlinkTFJob.model_validate(GOOD | {"spec": spec})
    document = written.model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert document == GOOD | {"spec": spec}
    assert parse_manifest(text(document), Path()).job == written


def test_servers_without_an_entrypoint_of_their_own_are_served() -> None:
    spec = FlinkTFJob.model_validate(job(**SERVERS)).spec
    assert {role.name: spec.resolved_entrypoint(role) for role in spec.roles} == {
        "chief": "train:main",
        "ps": None,
        "worker": None,
        "evaluator": "train:main",
    }
