"""What an agent serves, and what it tells the role process of an attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flinktf.agent.ends import failure_of
from flinktf.agent.spec import AgentSpec
from flinktf.protocol.frames import VERSIONS
from flinktf.protocol.hello import Hello
from flinktf.protocol.task import Task


def refusal(spec: AgentSpec, hello: Hello) -> dict[str, Any] | None:
    """The FAILED payload for a HELLO that this agent cannot serve; None when it can. Pure."""
    subtask = f"subtask {hello.index} of {hello.parallelism}"
    if hello.common_version() is None:
        spoken = f"the connector speaks versions {list(hello.versions)}, this role container {list(VERSIONS)}"
        return failure_of("VersionMismatch", f"{spoken}: use one release of both")
    if hello.role != spec.role:
        found = f"a subtask of role {hello.role} came to a TaskManager of role {spec.role}"
        return failure_of("WrongRole", f"{found}: its slot sharing group is wrong")
    if not 0 <= hello.index < spec.replicas or hello.parallelism != spec.replicas:
        return failure_of(
            "WrongParallelism", f"{subtask}, but the manifest says {spec.replicas} replicas of {spec.role}"
        )
    return None


def write_task(spec: AgentSpec, hello: Hello, generation: int, cluster: dict[str, list[str]], address: str) -> Path:
    """The role process reads it when it is handed its subtask."""
    work = Path(spec.work_dir)
    work.mkdir(parents=True, exist_ok=True)
    task = Task(
        job=spec.job,
        job_id=hello.job_id,
        role=hello.role,
        index=hello.index,
        replicas=spec.replicas,
        attempt=hello.attempt,
        generation=generation,
        strategy=spec.strategy,
        entrypoint=spec.entrypoint,
        code_path=spec.code_path,
        model_path=spec.model_path,
        checkpoint_path=spec.checkpoint_path,
        spool_path=str(work),
        mode=hello.mode,
        cluster=cluster,
        parameters=spec.parameters,
        schema=hello.schema,
        output_schema=hello.output_schema,
        restored=hello.restored,
        publish=spec.publish,
        program=hello.program,
        address=address,
        token_file=spec.token_file,
        storage_path=spec.storage_path,
    )
    file = work / "task.json"
    file.touch(mode=0o600)
    file.write_text(task.to_json())
    return file
