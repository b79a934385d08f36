"""Whatever is wrong with a job, the run says what, where, and ends with the right code."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from integration.harness import job_folder

SQL = """
    CREATE TABLE numbers (a FLOAT) WITH ('connector' = 'datagen', 'number-of-rows' = '100');
    CREATE TABLE training (a FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT a FROM numbers;
"""
READ = """
    def main(context):
        for batch in context.dataset(batch_size=10).batches():
            pass
"""
NOTHING = "def main(context): pass"


@pytest.mark.parametrize(
    ("train", "messages"),
    [
        pytest.param(
            "import not_a_module\ndef main(context): pass",
            ["worker-0", "No module named 'not_a_module'", "train.py"],
            marks=pytest.mark.long,
        ),
        ("def main(context):\n    raise ValueError('too sour')", ["worker-0: ValueError: too sour", "line 2, in main"]),
        ("import os\ndef main(context): os._exit(3)", ["worker-0: ProcessExited", "3"]),
        pytest.param(
            "import sys\ndef main(context): sys.exit('no more')", ["worker-0", "no more"], marks=pytest.mark.long
        ),
    ],
    ids=["does not import", "raises", "exits", "sys.exit"],
)
def test_user_code_that_fails(tmp_path: Path, train: str, messages: list[str]) -> None:
    run = job_folder(tmp_path, train).run()
    assert run.code == 1, run.output
    for message in messages:
        assert message in run.output


def test_a_role_that_is_killed_again_and_again(tmp_path: Path) -> None:
    roles = [{"name": "worker", "failover": {"maxRestarts": 1}}]
    run = job_folder(tmp_path, "import os\ndef main(context): os.kill(os.getpid(), 9)", roles=roles).run()
    assert run.code == 1, run.output
    for message in ("worker-0: ProcessKilled", "SIGKILL", "failover.maxRestarts (1) is reached"):
        assert message in run.output


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (
            ("a FLOAT) WITH ('connector' = 'flinktf'", "a MAP<INT, INT>) WITH ('connector' = 'flinktf'"),
            ["olumn 'a'", "MAP", "CAST"],
        ),
        (("SELECT a FROM numbers", "SELECT b FROM numbers"), ["job.sql, line 4", "'b' not found"]),
        (("'role' = 'worker'", "'role' = 'wrkr'"), ["wrkr", "worker"]),
        (("INSERT INTO training SELECT a FROM numbers;", ""), ["job.sql has no INSERT INTO"]),
        (("FROM numbers;", "FROM ${numbers};"), ["unknown variable ${numbers}; known: code"]),
        (
            ("'datagen', 'number-of-rows' = '100'", "'filesystem', 'path' = '/no/such/file.csv', 'format' = 'csv'"),
            ["/no/such/file.csv"],
        ),
    ],
    ids=["type", "unknown column", "unknown role", "no insert", "unknown variable", "no source file"],
)
def test_a_pipeline_that_cannot_run(tmp_path: Path, change: tuple[str, str], messages: list[str]) -> None:
    assert change[0] in SQL
    run = job_folder(tmp_path, READ, sql=SQL.replace(*change)).run()
    assert run.code == 1, run.output
    for message in messages:
        assert message in run.output


def test_a_null_in_a_column_is_named(tmp_path: Path) -> None:
    run = job_folder(tmp_path, READ, sql=SQL.replace("SELECT a", "SELECT CAST(NULL AS FLOAT)")).run()
    assert run.code == 1, run.output
    assert "NULL" in run.output
    assert "'a'" in run.output


def test_no_java(tmp_path: Path) -> None:
    folder = job_folder(tmp_path, NOTHING)
    run = folder.run(env={"PATH": str(tmp_path), "JAVA_HOME": ""})
    assert run.code == 2
    assert "Java was not found in PATH; install a JDK 17" in run.output


def test_wrong_java(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    run = job_folder(tmp_path, NOTHING).run(env={"JAVA_HOME": str(tmp_path)})
    assert run.code == 2
    assert "is Java 11, and Flink 2.3 here needs Java 17" in run.output


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run = job_folder(tmp_path, NOTHING).run("--ui-port", str(port))
    assert run.code == 2
    assert f"--ui-port: port {port} is taken by another process" in run.output


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"model": {"path": "train.py/model"}}, "spec.model.path"),
        ({"tensorflow": {"strategy": "Independent", "entrypoint": "train:mian"}}, "spec.tensorflow.entrypoint"),
        ({"rolls": []}, "spec.rolls"),
        ({"roles": [{"name": "worker", "replicas": 0}]}, "spec.roles[0].replicas"),
        ({"roles": [{"name": "ps", "replicas": 1}], "tensorflow": {"strategy": "ParameterServer"}}, "chief"),
    ],
    ids=["model path", "no such function", "unknown field", "no replicas", "ps without chief"],
)
def test_a_manifest_that_cannot_run(tmp_path: Path, spec: dict[str, object], message: str) -> None:
    run = job_folder(tmp_path, NOTHING, **spec).run()
    assert run.code == 2, run.output
    assert message in run.output
    assert not (tmp_path / "flinktf-runs").exists()


def test_a_deadline(tmp_path: Path) -> None:
    train = "import time\ndef main(context): time.sleep(600)"
    run = job_folder(tmp_path, train, activeDeadlineSeconds=15).run()
    assert run.code == 1, run.output
    assert "still running after 15 s, spec.activeDeadlineSeconds" in run.output


def test_secrets_stay_out_of_logs(tmp_path: Path) -> None:
    env = {"DATABASE_PASSWORD": "correct-horse-battery"}
    run = job_folder(
        tmp_path,
        "import os\ndef main(context): assert os.environ['DATABASE_PASSWORD'] == 'correct-horse-battery'",
        tensorflow={"strategy": "Independent", "entrypoint": "train:main", "env": env},
    ).run()
    assert run.code == 0, run.output
    assert "correct-horse-battery" not in run.output
    (folder,) = (tmp_path / "flinktf-runs").iterdir()
    for log in (folder / "logs").iterdir():
        assert "correct-horse-battery" not in log.read_text(), log.name
    for file in folder.iterdir():
        if file.is_file() and "correct-horse-battery" in file.read_text():
            assert file.stat().st_mode & 0o077 == 0, f"{file.name} can be read by others"


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    folders = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train = f"def main(context):\n    open('{name}', 'w').write(context.get_tf_cluster_config().__repr__())"
        folders.append(job_folder(tmp_path / name, train, strategy="MultiWorkerMirrored", workers=2))
    processes = [folder.start() for folder in folders]
    outputs = [process.communicate(timeout=200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    addresses = [(tmp_path / name / name).read_text() for name in ("one", "two")]
    assert addresses[0] != addresses[1]
