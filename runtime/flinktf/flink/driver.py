"""The driver: runs the user's program, or builds the pipeline from it, so that one Flink job is submitted.

A process of its own (``python -m flinktf.flink.driver SUBMISSION OUTCOME``), because PyFlink's client has a JVM.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from flinktf.api.files import is_script
from flinktf.flink import recovery, sql
from flinktf.flink.gateway import connector
from flinktf.flink.job import Job
from flinktf.flink.submission import RESTORE, Outcome, Submission, read_submission


class DriverError(Exception):
    """The job cannot be submitted; the message says what is wrong with it."""


def main(submission_file: str, outcome_file: str) -> int:
    """Runs the user's program, which submits; the exit code is 0 when it has submitted a job, and ended well.

    What a program does after it has submitted, like to wait for the end, changes no outcome.
    """
    outcome = Path(outcome_file)
    try:
        submission = read_submission(Path(submission_file))
        _install(submission, outcome)
        file = Path(submission.file) if submission.file is not None else None
        if submission.kind == "java":
            _run_java(submission)
        elif file is not None and submission.kind == "python" and is_script(file):
            _run_script(submission, file)
        else:
            job = _environments(submission)
            _build(job, submission, file)
            job.env.execute_async(submission.name)
        if not outcome.exists():
            raise DriverError(
                f"{submission.file or submission.main_class} ended without a job: it has not called execute() of a "
                "StatementSet or a StreamExecutionEnvironment (a Python file may have a main(job) instead); see "
                "docs/connector.md"
            )
    except (Exception, SystemExit) as error:
        if outcome.exists():
            traceback.print_exc()
        else:
            told = error.args[0] if isinstance(error, DriverError) else explain(error)
            Outcome(error=told, detail=traceback.format_exc()).write(outcome)
        return 1
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


def _install(submission: Submission, outcome: Path) -> None:
    """Makes every environment that the program asks for one of this job, on its cluster."""
    started = time.time()
    from pyflink.common import Configuration
    from pyflink.util.java_utils import add_jars_to_context_class_loader

    # Flink's planner unpacks itself there, 40 MB at a time, and does not always clear up.
    temporary = f"-Djava.io.tmpdir={tempfile.gettempdir()}"
    os.environ["JVM_ARGS"] = f"{os.environ.get('JVM_ARGS', '')} {temporary}"
    fixed = {
        "execution.target": "remote",
        "execution.attached": "true",
        "rest.address": submission.rest_address,
        "rest.port": str(submission.rest_port),
        "$internal.pipeline.job-id": submission.job_id,
    }
    defaults = submission.configuration | {
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
    }
    if RESTORE in defaults:
        configuration = Configuration()
        for key, value in (defaults | fixed).items():
            configuration.set_string(key, value)
        fixed[RESTORE] = recovery.still_there(defaults[RESTORE], configuration._j_configuration)
        print(f"begins from {fixed[RESTORE]}", flush=True)
    if submission.jars:
        jars = [Path(jar).absolute().as_uri() for jar in submission.jars]
        add_jars_to_context_class_loader(jars)
        defaults["pipeline.jars"] = ";".join(jars)
    connector().client.JobEnvironment.install(defaults, fixed, submission.roles, str(outcome), started)


def _environments(submission: Submission) -> Job:
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment

    env = StreamExecutionEnvironment.get_execution_environment()
    table_env = StreamTableEnvironment.create(env)
    return Job(
        name=submission.name,
        env=env,
        table_env=table_env,
        statement_set=table_env.create_statement_set(),
        args=tuple(submission.args),
        code=Path(submission.code),
        storage=Path(submission.storage),
    )


def _run_java(submission: Submission) -> None:
    connector().client.JobEnvironment.run(submission.main_class, submission.args)


def _run_script(submission: Submission, file: Path) -> None:
    """As ``python file …`` does."""
    # A model that the program builds, and a class that it sends along, are of the Keras that its roles have.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.chdir(submission.storage)
    sys.argv = [str(file), *submission.args]
    sys.path.insert(0, str(file.parent))
    try:
        runpy.run_path(str(file), run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


def _build(job: Job, submission: Submission, file: Path | None) -> None:
    if file is None:
        return
    if submission.kind == "sql":
        _run_sql(job, file)
    else:
        _run_python(job, file)
    # Attaching an empty statement set is an error in Flink; a DataStream job.py adds nothing to it.
    if job.statement_set._j_statement_set.getOperations():
        job.statement_set.attach_as_datastream()


def _run_sql(job: Job, file: Path) -> None:
    variables = {"code": str(job.code), "storage": str(job.storage)} | dict(
        _assignment(argument) for argument in job.args
    )
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
    _send_by_value(job.code)
    module.main(job)


def _send_by_value(code: Path) -> None:
    """User-defined functions go to Flink's Python workers with all they are made of: they lack its modules."""
    import cloudpickle

    for name, module in list(sys.modules.items()):
        place = code.joinpath(*name.split("."))
        if getattr(module, "__file__", None) in (f"{place}.py", str(place / "__init__.py")):
            cloudpickle.register_pickle_by_value(module)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
