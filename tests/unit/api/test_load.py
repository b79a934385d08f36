"""What a wrong manifest is told: path, value, remedy, line. And what no manifest can do: make the loader stumble."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flinktf.api import FlinkTFJob, ManifestError, Problem, check_files, load_manifest, notices
from flinktf.api.kubernetes import duration_value, quantity_value
from flinktf.api.load import parse_manifest
from flinktf.cli.main import main

GOOD: dict[str, Any] = {
    "apiVersion": "flinktf.dev/v1alpha1",
    "kind": "FlinkTFJob",
    "metadata": {"name": "wine"},
    "spec": {"tensorflow": {"entrypoint": "train:main"}, "roles": [{"name": "worker", "replicas": 2}]},
}
SERVERS = {
    "tensorflow": {"strategy": "ParameterServer", "entrypoint": "train:main"},
    "roles": [{"name": "chief"}, {"name": "ps"}, {"name": "worker"}, {"name": "evaluator"}],
}


def job(**spec: Any) -> dict[str, Any]:
    return GOOD | {"spec": GOOD["spec"] | spec}


def problems(document: Any) -> tuple[Problem, ...]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(document if isinstance(document, str) else yaml.safe_dump(document), Path())
    return caught.value.problems


@pytest.mark.parametrize("spec", [{}, SERVERS, {"job": {"sql": "a.sql"}}, {"job": {"python": "a.py", "args": ["x"]}}])
def test_good_ones(spec: dict[str, Any]) -> None:
    parse_manifest(yaml.safe_dump(job(**spec)), Path())


@pytest.mark.parametrize(
    ("document", "path", "message", "remedy"),
    [
        (job(rolls=[]), "spec.rolls", "unknown field", "did you mean 'roles'?"),
        (job(roles=[{"name": "worker", "replica": 2}]), "spec.roles[0].replica", "unknown field", "'replicas'"),
        (job(flink={"jobManager": {"x": 1}}), "spec.flink.jobManager.x", "unknown field", "remove it; known here:"),
        (job(roles=[{"name": "worker", "replicas": 0}]), "spec.roles[0].replicas", "greater than or equal to 1", ""),
        (job(roles=[{"name": "worker", "replicas": "two"}]), "spec.roles[0].replicas", "", "whole number, like 2"),
        (job(roles=[]), "spec.roles", "at least 1", ""),
        (job(roles=[{"replicas": 2}]), "spec.roles[0].name", "is missing", "like name: worker"),
        (job(roles={"name": "worker"}), "spec.roles", "", "expects a list"),
        (job(suspend="perhaps"), "spec.suspend", "", "true or false"),
        (job(formingTimeout="soon"), "spec.formingTimeout", "is not a duration", "30s, 5m or 1h30m"),
        (job(tensorflow={"entrypoint": "train.py"}), "spec.tensorflow.entrypoint", "not of the right form", "write it like"),
        (job(tensorflow={"strategy": "Mirrored"}), "spec.tensorflow.strategy", "allowed values", "ParameterServer"),
        (job(flink={"version": "1.20"}), "spec.flink.version", "allowed values", "2.3"),
        (
            job(flink={"pipeline": {"resources": {"limits": {"memory": "1 GB"}}}}),
            "spec.flink.pipeline.resources.limits.memory",
            "is not a quantity",
            "512Mi",
        ),
        (GOOD | {"metadata": {"name": "Wine_1"}}, "metadata.name", "not of the right form", "write it like"),
        (GOOD | {"kind": "TFJob"}, "kind", "is not one that this version of flinktf knows", "kind: FlinkTFJob"),
        ({k: v for k, v in GOOD.items() if k != "apiVersion"}, "apiVersion", "is missing", "write apiVersion: flinktf.dev/v1alpha1"),
        (job(roles=[{"name": "ps"}], tensorflow=SERVERS["tensorflow"]), "spec.roles", "needs a chief", "name: chief"),
        (job(roles=[{"name": "ps"}, {"name": "worker"}]), "spec.roles[0].name", "no role under Multi", "strategy"),
        (job(roles=[{"name": "evaluator"}]), "spec.roles", "needs workers", "add a role worker"),
        (job(roles=[{"name": "worker"}, {"name": "worker"}]), "spec.roles[0].name", "two roles", "join them"),
        (job(roles=[{"name": "worker"}, {"name": "chief", "replicas": 2}]), "spec.roles[1].replicas", "one chief", "1"),
        (
            job(roles=[{"name": "pipeline"}], tensorflow={"strategy": "Independent", "entrypoint": "a:b"}),
            "spec.roles[0].name",
            "name of a pool",
            "another",
        ),
        (
            job(roles=[{"name": "ps"}], tensorflow={"strategy": "Independent", "entrypoint": "a:b"}),
            "spec.roles[0].name",
            "trains by itself",
            "worker",
        ),
        (job(tensorflow={}), "spec.tensorflow.entrypoint", "nothing says what they run", "train:main"),
        (job(job={}), "spec.job", "either python or sql", "name one file"),
        (job(job={"python": "a.py", "sql": "a.sql"}), "spec.job", "either python or sql", "name one file"),
        (job(job={"python": "a.sh"}), "spec.job.python", "is not a .py file", "main(job)"),
        (job(job={"sql": "a.txt"}), "spec.job.sql", "is not a .sql file", "SQL"),
        (
            job(flink={"configuration": {"taskmanager.numberOfTaskSlots": 4}}),
            "spec.flink.configuration.taskmanager.numberOfTaskSlots",
            "is set by flinktf",
            "leave it out",
        ),
    ],
)
def test_wrong_ones(document: Any, path: str, message: str, remedy: str) -> None:
    found = [problem for problem in problems(document) if problem.path == path]
    assert found, problems(document)
    assert message in found[0].message
    assert remedy in found[0].remedy
    assert found[0].line is not None


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "is empty", None),
        ("# nothing", "is empty", None),
        ("a: [", "is not YAML", 1),
        ("a: 1\nb: ]", "is not YAML", 2),
        ("- 1", "is not a FlinkTFJob", None),
        ("a: 1\n---\nb: 2", "has 2 documents", None),
        ("a: &x [1]\nb: *x", "alias *x is not allowed", 2),
        ("!x {a: 1}", "is not a FlinkTFJob", 1),
        ("a: " + "[" * 100, "nested more than 64", 1),
    ],
)
def test_what_is_hardly_yaml(text: str, message: str, line: int | None) -> None:
    (problem,) = problems(text)
    assert message in problem.message
    assert line is None or problem.line == line


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    text = "apiVersion: flinktf.dev/v1alpha1\nkind: FlinkTFJob\nmetadata: {}\n"
    text += "spec:\n  roles:\n  - name: worker\n    x: 1\n"
    assert [(p.path, p.line) for p in problems(text)] == [("metadata.name", 3), ("spec.roles[0].x", 7)]


def test_values_of_environment_variables_are_not_told() -> None:
    (problem,) = problems(job(tensorflow={"entrypoint": "a:b", "env": {"PASSWORD": 12345}}))
    assert problem.path == "spec.tensorflow.env.PASSWORD"
    assert problem.value is None
    assert "12345" not in problem.message


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_file_is_a_job_or_a_manifest_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "job.yaml"
    file.write_bytes(data)
    with pytest.raises(ManifestError):
        load_manifest(file)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PLACES = ["spec", "roles", "tensorflow", "flink", "job", "model", "checkpoint", "metadata", "suspend", "code"]


@given(st.sampled_from(_PLACES), _JSON)
def test_any_value_anywhere_is_a_job_or_a_manifest_error(place: str, value: Any) -> None:
    document = copy.deepcopy(GOOD)
    (document if place in ("spec", "metadata") else document["spec"])[place] = value
    try:
        parse_manifest(yaml.safe_dump(document), Path())
    except ManifestError as error:
        assert error.problems  # noqa: PT017


@given(st.integers(1, 512), st.sampled_from(["500m", "2", "1Gi", "1e3"]), st.dictionaries(st.text(), st.text()))
def test_what_is_written_is_read_again(replicas: int, memory: str, parameters: dict[str, str]) -> None:
    document = job(
        roles=[{"name": "worker", "replicas": replicas, "resources": {"limits": {"memory": memory}}}],
        tensorflow={"entrypoint": "a:b", "parameters": parameters},
    )
    loaded = FlinkTFJob.model_validate(document)
    text = yaml.safe_dump(loaded.model_dump(by_alias=True, exclude_unset=True, mode="json"))
    assert parse_manifest(text, Path()).job == loaded


@pytest.mark.parametrize(
    ("text", "value"), [("1Gi", 2**30), ("500m", 0.5), ("2", 2), ("1.5k", 1500), ("1e3", 1000), ("1Ki", 1024)]
)
def test_quantities(text: str, value: float) -> None:
    assert quantity_value(text) == value


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1h1m1s", 3661)])
def test_durations(text: str, seconds: int) -> None:
    assert duration_value(text).total_seconds() == seconds


def test_fields_for_kubernetes_are_named() -> None:
    spec = SERVERS | {
        "ttlSecondsAfterFinished": 60,
        "flink": {"image": "x", "jobManager": {"nodeSelector": {"a": "b"}}},
        "roles": [{"name": "chief"}, {"name": "ps"}, {"name": "worker", "gpu": {"count": 1}}],
    }
    assert [notice.path for notice in notices(FlinkTFJob.model_validate(job(**spec)))] == [
        "spec.flink.image",
        "spec.flink.jobManager.nodeSelector",
        "spec.roles[2].gpu",
        "spec.ttlSecondsAfterFinished",
    ]
    assert notices(FlinkTFJob.model_validate(GOOD)) == ()


@pytest.mark.parametrize(
    ("files", "spec", "path", "message"),
    [
        ({}, {}, "spec.tensorflow.entrypoint", "there is no"),
        ({"train.py": "x = 1"}, {}, "spec.tensorflow.entrypoint", "train.py has no function 'main'"),
        ({"train.py": "def main(:"}, {}, "spec.tensorflow.entrypoint", "is not Python: line 1"),
        ({"train.py": "def main(c): ..."}, {"job": {"sql": "job.sql"}}, "spec.job.sql", "does not exist"),
        ({"train.py": "def main(c): ...", "job.py": "1"}, {"job": {"python": "job.py"}}, "spec.job.python", "no main"),
        ({"train.py": "def main(c): ..."}, {"model": {"path": "train.py/x"}}, "spec.model.path", "is a file"),
        ({"train.py": "def main(c): ..."}, {"checkpoint": {"path": "train.py"}}, "spec.checkpoint.path", "is a file"),
        ({"train.py": "def main(c): ..."}, {"code": {"path": "nowhere"}}, "spec.code.path", "is not a folder"),
    ],
)
def test_files(tmp_path: Path, files: dict[str, str], spec: dict[str, Any], path: str, message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job(**spec)))
    (problem,) = check_files(load_manifest(tmp_path / "job.yaml"))
    assert problem.path == path
    assert message in problem.message


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(job(rolls=[])))
    result = CliRunner().invoke(main, ["validate", str(file)])
    assert result.exit_code == 1
    assert f"{file}:{result.output.split(':')[1]}: spec.rolls: unknown field" in result.output
    assert "→ did you mean 'roles'?" in result.output
    (tmp_path / "train.py").write_text("def main(context): ...")
    file.write_text(yaml.safe_dump(job(suspend=True)))
    result = CliRunner().invoke(main, ["validate", str(file)])
    assert result.exit_code == 0
    assert "wine is valid: MultiWorkerMirrored, 2 worker, no pipeline" in result.output
    assert "notice: spec.suspend" in result.output
    assert CliRunner().invoke(main, ["validate", str(tmp_path / "no.yaml")]).exit_code == 1
