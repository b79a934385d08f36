"""What TensorFlow is told about the cluster is what Flink's scheduler decided."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from flinktf.flink.rest import FlinkRest, Placement
from flinktf.ports import free_port
from integration.harness import job_folder

TELL = """
    import json, os, pathlib, time

    def main(context):
        # Which TaskManager a role process belongs to shows in its task's folder, which is the agent's.
        manager = pathlib.Path(os.environ["FLINKTF_TASK"]).parts
        told = {"tf_config": json.loads(os.environ["TF_CONFIG"]), "manager": manager}
        pathlib.Path(f"{context.role}-{context.index}.part").write_text(json.dumps(told))
        os.rename(f"{context.role}-{context.index}.part", f"{context.role}-{context.index}.json")
        while not os.path.exists("go") and not context.should_stop:
            time.sleep(0.1)
"""

SQL = """
    CREATE TABLE numbers (a FLOAT) WITH ('connector' = 'datagen', 'number-of-rows' = '100');
    CREATE TABLE training (a FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT a FROM numbers;
"""


def _placements(port: int) -> tuple[Placement, ...]:
    async def ask() -> tuple[Placement, ...]:
        async with FlinkRest(f"http://127.0.0.1:{port}") as rest:
            (job,) = (await rest._get("/jobs"))["jobs"]
            return await rest.placements(job["id"])

    return asyncio.run(ask())


def test_tf_config_agrees_with_flink_and_roles_stay_in_their_pools(tmp_path: Path) -> None:
    roles = [{"name": "chief", "replicas": 1}, {"name": "ps", "replicas": 2}, {"name": "worker", "replicas": 2}]
    for role in roles:
        role["entrypoint"] = "train:main"
    roles[2]["taskManager"] = {"resources": {"limits": {"memory": "1Gi"}}}
    instances = ["chief-0", "ps-0", "ps-1", "worker-0", "worker-1"]
    folder = job_folder(
        tmp_path,
        TELL,
        sql=SQL,
        roles=roles,
        tensorflow={"strategy": "ParameterServer", "entrypoint": "train:main"},
        flink={"pipeline": {"replicas": 2, "slots": 2, "resources": {"limits": {"memory": "1600Mi"}}}},
    )
    port = free_port()
    process = folder.start("--ui-port", str(port))
    files = [tmp_path / f"{instance}.json" for instance in instances]
    deadline = time.monotonic() + 120
    while not all(file.exists() for file in files) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    if not all(file.exists() for file in files):
        process.terminate()
        raise AssertionError(process.communicate(timeout=60)[0])
    placements = _placements(port)
    (tmp_path / "go").touch()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output

    by_role = {
        (p.vertex.split("role: ")[1].split()[0].strip(":"), p.subtask): p for p in placements if "role: " in p.vertex
    }
    assert {f"{role}-{index}" for role, index in by_role} == set(instances)
    addresses = set()
    for instance, file in zip(instances, files, strict=True):
        role, index = instance.split("-")
        told = json.loads(file.read_text())
        config = told["tf_config"]
        assert config["task"] == {"type": role, "index": int(index)}
        assert {name: len(hosts) for name, hosts in config["cluster"].items()} == {"chief": 1, "ps": 2, "worker": 2}
        addresses.add(config["cluster"][role][int(index)])
        manager = by_role[role, int(index)].task_manager
        assert manager.startswith(f"taskmanager-{role}-")
        assert manager.removeprefix("taskmanager-") in told["manager"]
    assert len(addresses) == len(instances)
    pipeline = [p for p in placements if "role: " not in p.vertex]
    assert pipeline
    assert all(p.task_manager.startswith("taskmanager-pipeline-") for p in pipeline)
