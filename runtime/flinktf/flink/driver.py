"""The driver: builds the user's pipeline, adds the roles that no pipeline feeds, and submits one Flink job.

A process of its own (``python -m flinktf.flink.driver SUBMISSION OUTCOME``), because PyFlink's client has a JVM.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from flinktf.flink import recovery, sql
from flinktf.flink.job import Job
from flinktf.flink.submission import RESTORE, Outcome, Submission, read_submission


class DriverError(Exception):
    """The job cannot be submitted; the message says what is wrong with it."""


def main(submission_file: str, outcome_file: str) -> int:
    """Submits and writes the outcome. The exit code is 0 when the job was submitted."""
    outcome = Path(outcome_file)
    started = time.time()
    try:
        submission = read_submission(Path(submission_file))
        job = _environments(submission)
        ready = time.time() - started
        _build(job, submission)
        _attach_roles(job, submission)
        submitted = time.time()
        job.env.execute_async(submission.name)
    except DriverError as error:
        Outcome(error=str(error)).write(outcome)
        return 1
    except (Exception, SystemExit) as error:
        Outcome(error=explain(error), detail=traceback.format_exc()).write(outcome)
        return 1
    Outcome(client_ready_seconds=ready, submitted_at=submitted).write(outcome)
    return 0


def explain(error: BaseException) -> str:
    """One text for a Python error or for what a JVM exception says, its causes included."""
    java = getattr(error, "java_exception", None)
    if java is None:
        return f"{type(error).__name__}: {error}"
    messages: list[str] = []
    while java is not None and len(messages) < 8:
        message = java.getMessage()
        if message and not any(message in seen for seen in messages):
            messages.append(str(message))
        java = java.getCause()
    return "\n  caused by: ".join(messages) or str(error)


def _environments(submission: Submission) -> Job:
    from pyflink.common import Configuration
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway
    from pyflink.table import StreamTableEnvironment

    # Flink's planner unpacks itself there, 40 MB at a time, and does not always clear up.
    temporary = f"-Djava.io.tmpdir={tempfile.gettempdir()}"
    os.environ["JVM_ARGS"] = f"{os.environ.get('JVM_ARGS', '')} {temporary}"
    configuration = Configuration()
    settings = submission.configuration | {
        "execution.target": "remote",
        "execution.attached": "false",
        "rest.address": submission.rest_address,
        "rest.port": str(submission.rest_port),
        "$internal.pipeline.job-id": submission.job_id,
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
    }
    for key, value in settings.items():
        configuration.set_string(key, value)
    if RESTORE in settings:
        begin = recovery.still_there(settings[RESTORE], configuration._j_configuration)
        print(f"begins from {begin}", flush=True)
        configuration.set_string(RESTORE, begin)
    # Not get_execution_environment(): without a context of `flink run` it would make a local cluster.
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
    env = StreamExecutionEnvironment(java(configuration._j_configuration))
    table_env = StreamTableEnvironment.create(env)
    return Job(
        name=submission.name,
        env=env,
        table_env=table_env,
        statement_set=table_env.create_statement_set(),
        args=tuple(submission.args),
        code=Path(submission.code),
    )


def _build(job: Job, submission: Submission) -> None:
    if submission.file is None:
        return
    if submission.kind == "sql":
        _run_sql(job, Path(submission.file))
    else:
        _run_python(job, Path(submission.file))
    # Attaching an empty statement set is an error in Flink; a DataStream job.py adds nothing to it.
    if job.statement_set._j_statement_set.getOperations():
        job.statement_set.attach_as_datastream()


def _run_sql(job: Job, file: Path) -> None:
    variables = {"code": str(job.code)} | dict(_assignment(argument) for argument in job.args)
    try:
        statements = sql.statements(sql.substitute(file.read_text(), variables))
    except sql.SqlError as error:
        raise DriverError(f"{file.name}, {error}") from None
    inserts = 0
    for statement in statements:
        try:
            if statement.setting:
                job.table_env.get_config().set(*statement.setting)
            elif statement.keyword == "INSERT":
                job.statement_set.add_insert_sql(statement.text)
                inserts += 1
            elif statement.keyword in ("SELECT", "WITH", "EXECUTE", "BEGIN", "END"):
                raise DriverError(
                    f"{file.name}, line {statement.line}: {statement.keyword} has no place here; "
                    "write plain INSERT INTO statements, flinktf runs them all as one job"
                )
            else:
                job.table_env.execute_sql(statement.text)
        except DriverError:
            raise
        except Exception as error:
            raise DriverError(f"{file.name}, line {statement.line}: {explain(error)}") from error
    if not inserts:
        raise DriverError(
            f"{file.name} has no INSERT INTO: nothing would run; insert into a table WITH ('connector'='flinktf')"
        )


def _assignment(argument: str) -> tuple[str, str]:
    name, separator, value = argument.partition("=")
    if not separator:
        raise DriverError(
            f"spec.job.args: {argument!r} is not name=value; a SQL job's arguments are its ${{variables}}"
        )
    return name, value


def _run_python(job: Job, file: Path) -> None:
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    entry = getattr(module, "main", None)
    if not callable(entry):
        raise DriverError(f"{file.name} defines no main(job); see docs/reference.md, spec.job.python")
    entry(job)


def _attach_roles(job: Job, submission: Submission) -> None:
    """Adds a source for every role that no sink of the pipeline feeds, so that it holds its slot."""
    from pyflink.java_gateway import get_gateway

    environment = job.env._j_stream_execution_environment
    fed = {
        _group(transformation)
        for registered in environment.getTransformations()
        for transformation in registered.getTransitivePredecessors()
    }
    roles = get_gateway().jvm.dev.flinktf.connector.role.Roles
    for role, replicas in submission.roles.items():
        if f"role-{role}" not in fed:
            roles.source(environment, role, replicas)


def _group(transformation: Any) -> str | None:
    group = transformation.getSlotSharingGroup()
    return str(group.get().getName()) if group.isPresent() else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
