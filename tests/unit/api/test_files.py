"""What a manifest names on this machine: is it there, and is it what it should be?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flinktf.api import Problem, check_files, load_manifest
from flinktf.api.files import is_script
from unit.api.manifests import SERVERS, job, text

TRAIN = {"train.py": "def main(context): ..."}


def check(folder: Path, files: dict[str, str | bytes], spec: dict[str, Any]) -> tuple[Problem, ...]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "job.yaml").write_text(text(job(**spec)))
    return check_files(load_manifest(folder / "job.yaml"))


@pytest.mark.parametrize(
    ("files", "spec", "path", "message"),
    [
        ({}, {}, "spec.tensorflow.entrypoint", "there is no"),
        ({"train.py": "x = 1"}, {}, "spec.tensorflow.entrypoint", "train.py has no function 'main'"),
        ({"train.py": "class A:\n  def main(): ..."}, {}, "spec.tensorflow.entrypoint", "has no function"),
        ({"train.py": "x = 1\ndef main(:"}, {}, "spec.tensorflow.entrypoint", "is not Python: line 2"),
        ({"train.py": b"\x00"}, {}, "spec.tensorflow.entrypoint", "is not Python"),
        ({"train.py/x": ""}, {}, "spec.tensorflow.entrypoint", "cannot be read"),
        (
            TRAIN,
            {"roles": [{"name": "worker", "entrypoint": "train:other"}, {"name": "chief"}]},
            "spec.roles[0].entrypoint",
            "has no function 'other'",
        ),
        (TRAIN, {"job": {"sql": "job.sql"}}, "spec.job.sql", "does not exist"),
        (TRAIN | {"job.sql": b"\xff"}, {"job": {"sql": "job.sql"}}, "spec.job.sql", "is not UTF-8"),
        (TRAIN | {"job.sql/x": ""}, {"job": {"sql": "job.sql"}}, "spec.job.sql", "cannot be read"),
        (TRAIN, {"job": {"python": "job.py"}}, "spec.job.python", "does not exist"),
        (TRAIN | {"job.py": "1 +"}, {"job": {"python": "job.py"}}, "spec.job.python", "is not Python: line 1"),
        (TRAIN, {"model": {"path": "train.py/x"}}, "spec.model.path", "is a file"),
        (TRAIN, {"model": {"path": "s3://bucket/model"}}, "spec.model.path", "is not a folder of this machine"),
        (TRAIN, {"checkpoint": {"path": "train.py"}}, "spec.checkpoint.path", "is a file"),
        (TRAIN, {"code": {"path": "nowhere"}}, "spec.code.path", "is not a folder"),
        (TRAIN, {"code": {"path": "train.py"}}, "spec.code.path", "is not a folder"),
    ],
)
def test_wrong_files(
    tmp_path: Path, files: dict[str, str | bytes], spec: dict[str, Any], path: str, message: str
) -> None:
    (problem,) = check(tmp_path, files, spec)
    assert problem.path == path
    assert message in problem.message
    assert problem.remedy
    assert problem.line


@pytest.mark.parametrize(
    ("files", "spec"),
    [
        (TRAIN, {}),
        ({"train.py": "async def main(context): ..."}, {}),
        ({"train.py": b"\xef\xbb\xbfdef main(context): ..."}, {}),
        ({"train.py": b"# coding: latin-1\n# \xe9\ndef main(context): ..."}, {}),
        ({"train.py": "from other import main"}, {}),
        ({"train.py": "from other import *"}, {}),
        ({"train.py": "main: object = lambda context: None"}, {}),
        ({"train.py": "try:\n  import x\nexcept ImportError:\n  def main(context): ..."}, {}),
        ({"train.py": "if True:\n  pass\nelse:\n  def main(context): ..."}, {}),
        ({"train/__init__.py": "def main(context): ..."}, {}),
        ({"a/b.py": "def c(context): ..."}, {"tensorflow": {"entrypoint": "a.b:c"}}),
        (TRAIN | {"job.py": "def main(job): ..."}, {"job": {"python": "job.py"}}),
        (TRAIN | {"job.sql": "anything"}, {"job": {"sql": "job.sql"}, "model": {"path": "a/b/c"}}),
        ({"src/train.py": "def main(context): ..."}, {"code": {"path": "src"}}),
        (TRAIN, SERVERS),
    ],
)
def test_right_files(tmp_path: Path, files: dict[str, str | bytes], spec: dict[str, Any]) -> None:
    assert check(tmp_path, files, spec) == ()


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    spec = {"job": {"sql": "job.sql"}, "model": {"path": "job.yaml"}, "code": {"path": "."}}
    assert [problem.path for problem in check(tmp_path, {}, spec)] == [
        "spec.job.sql",
        "spec.tensorflow.entrypoint",
        "spec.model.path",
    ]


def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    (problem,) = check(tmp_path, dict(TRAIN), {"model": {"path": "a/b"}})
    assert problem.message == f"cannot be made: {tmp_path} may not be written to"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def main(job): ...", False),
        ("def main(job, /): ...", False),
        ("from pipeline import main", False),
        ("main = build", False),
        ("import tensorflow", True),
        ("def main(): ...\nif __name__ == '__main__':\n  main()", True),
        ("if True:\n  def main(job): ...", False),
        ("def other():\n  def main(job): ...", True),
    ],
)
def test_which_program_is_a_script(tmp_path: Path, source: str, expected: bool) -> None:
    (tmp_path / "job.py").write_text(source)
    assert is_script(tmp_path / "job.py") is expected
