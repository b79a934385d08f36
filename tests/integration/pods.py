"""A job's pods as plain processes: the operator's Deployments, run by a small stand-in of a kubelet.

Commands, environments and files are those of the manifests. What gives a pod its own file system, address and name is
replaced where it is written: a mount by a folder, a port by a free one, a host name by the loopback interface.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from flinktf import pods
from flinktf.api import FlinkTFJob, load_manifest
from flinktf.coordinator.client import CoordinatorClient
from flinktf.flink import distribution
from flinktf.flink.rest import FlinkRest
from flinktf.ports import free_port
from flinktf.processes import Child, kill, spawn, terminate
from flinktf_operator.decision import job_id
from flinktf_operator.desired import Manifest, Owner, Run, Settings, children

TOKEN = "secret"
UID = "00000000-0000-0000-0000-000000000000"
HOST = "127.0.0.1"
FOLDERS = {"FLINK_CONF_DIR": "/etc/flink", "FLINK_LOG_DIR": pods.WORK, "FLINK_PID_DIR": pods.WORK}
"""What the flink image sets, as there."""
GRACE = 8.0
"""Seconds between SIGTERM and SIGKILL; a kubelet gives more, and nothing here needs more."""

LEAVING = 60.0
"""Seconds that role pods have for a last checkpoint, as in their manifests."""

_SHARED = (pods.RPC_PORT, pods.BLOB_PORT, pods.REST_PORT, pods.COORDINATOR_PORT)
_OWN = (pods.TASK_MANAGER_RPC_PORT, pods.TASK_MANAGER_DATA_PORT, pods.AGENT_PORT)


class Pods:
    """One run of the job in ``folder``: all its pods. ``/data`` is ``folder/data``, for all runs the same."""

    def __init__(self, folder: Path, number: int = 1, restore: str | None = None) -> None:
        self.job_id = job_id(UID, number)
        self._folder = folder
        self._place = folder / str(number)
        self._job = _without_leaders(load_manifest(folder / "job.yaml").job)
        settings = Settings("flink", "tensorflow", "tensorflow-gpu")
        owner = Owner(self._job.metadata.name, "default", UID)
        if restore is not None:
            restore = restore.replace(str(folder / "data"), pods.DATA)  # as pods would have told it
        self._made = children(self._job, owner, Run(number, self.job_id, restore), settings)
        self._ports: dict[int, int] = {}
        self._containers: dict[str, tuple[Manifest, dict[str, str]]] = {}
        self._running: dict[str, Child] = {}

    async def __aenter__(self) -> Self:
        self._choose_ports(_SHARED)
        self._image = _image(self._place)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.suspend)
            for deployment in self._made.workloads:
                for index in range(deployment["spec"]["replicas"]):
                    await self._start_pod(deployment, index)
            url = f"http://{HOST}:{self._ports[pods.COORDINATOR_PORT]}"
            self.coordinator = await stack.enter_async_context(CoordinatorClient(url, TOKEN, patience=60.0))
            self.flink = await stack.enter_async_context(FlinkRest(f"http://{HOST}:{self._ports[pods.REST_PORT]}"))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def suspend(self) -> None:
        """What the deletion of all Deployments does: every process gets SIGTERM at once, and SIGKILL later."""
        await terminate(self._running.values(), GRACE)

    async def leave(self) -> None:
        """What the operator does when it suspends a job: role pods first, whose TaskManagers wait for their roles
        (preStop); then the others."""
        roles = [child for name, child in self._running.items() if name.endswith("/tensorflow")]
        await terminate(roles, LEAVING)
        await self.suspend()

    async def kill(self, container: str) -> None:
        """SIGKILL for a container's processes: they have no say in it."""
        kill(self._running[container])
        await self._running[container].process.wait()

    async def start(self, container: str) -> None:
        """A container whose process has ended, again; its log and its folders stay."""
        made, words = self._containers[container]
        log = self._log(container)
        pod = {"POD_NAME": log.parent.name, "POD_IP": HOST}
        given = {one["name"]: _expanded(one["value"], pod) for one in made["env"] if "value" in one}
        given = {key: _replaced(value, words) for key, value in (FOLDERS | given).items()}
        command = [_replaced(_expanded(word, pod), words) for word in made["args"]]
        environment = os.environ | self._image | pod | given
        self._running[container] = await spawn(container, command, environment, log, log.parent / "work")

    def log(self, container: str) -> str:
        """What its processes have written so far."""
        return self._log(container).read_text()

    async def until(self, condition: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
        """The coordinator's first status for which ``condition`` holds."""
        deadline = time.monotonic() + seconds
        while not condition(status := await self.coordinator.status()):
            story = {key: value for key, value in status.items() if key != "events"}
            assert time.monotonic() < deadline, f"not within {seconds} s: {story}; logs are in {self._place}"
            await asyncio.sleep(0.1)
        return status

    async def _start_pod(self, deployment: Manifest, index: int) -> None:
        pool = deployment["metadata"]["labels"]["flinktf.dev/pool"]
        name = f"{pool}-{index}"
        spec = deployment["spec"]["template"]["spec"]
        self._choose_ports(_OWN)
        host = {pods.service(self._job.metadata.name): HOST, "0.0.0.0": HOST, pods.JOB: str(self._folder)}
        ports = {str(port): str(free) for port, free in self._ports.items()}
        volumes = {volume["name"]: self._folder_of(name, volume) for volume in spec["volumes"]}
        for container in spec["containers"]:
            mounts = {mount["mountPath"]: str(volumes[mount["name"]]) for mount in container["volumeMounts"]}
            words = host | ports | mounts
            for volume in spec["volumes"]:
                self._write(volumes[volume["name"]], volume, words | {pods.WORK: str(volumes["work"])})
            self._containers[f"{name}/{container['name']}"] = container, words
            await self.start(f"{name}/{container['name']}")

    def _folder_of(self, pod: str, volume: Manifest) -> Path:
        shared = "persistentVolumeClaim" in volume
        folder = self._folder / volume["name"] if shared else self._place / pod / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _write(self, folder: Path, volume: Manifest, words: Mapping[str, str]) -> None:
        if "secret" in volume:
            (folder / "token").write_text(TOKEN)
        if "configMap" in volume:
            data = self._made.config[0]["data"]
            for item in volume["configMap"]["items"]:
                (folder / item["path"]).write_text(_replaced(data[item["key"]], words))

    def _choose_ports(self, ports: tuple[int, ...]) -> None:
        for port in ports:
            self._ports[port] = free_port(frozenset(self._ports.values()))

    def _log(self, container: str) -> Path:
        pod, name = container.split("/")
        return self._place / pod / f"{name}.log"


def _without_leaders(job: FlinkTFJob) -> FlinkTFJob:
    """Flink elects them with Kubernetes' API, and there is none here."""
    configuration = dict(job.spec.flink.configuration) | {"high-availability.type": "NONE"}
    flink = job.spec.flink.model_copy(update={"configuration": configuration})
    return job.model_copy(update={"spec": job.spec.model_copy(update={"flink": flink})})


def _image(place: Path) -> dict[str, str]:
    """What the flink image has, where it is on this machine."""
    found = distribution.find()
    jars = place / "lib"
    jars.mkdir(parents=True)
    for jar in found.jars:
        (jars / jar.name).symlink_to(jar)
    path = [str(Path(sys.executable).parent), str(found.home / "bin"), os.environ["PATH"]]
    return {
        "PATH": os.pathsep.join(path),
        "JAVA_HOME": str(found.java_home),
        "FLINK_HOME": str(found.home),
        "FLINK_LIB_DIR": str(jars),
        # JVMs that live for a minute: what counts is how soon they are up.
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    return re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], text)


def _replaced(text: str, words: Mapping[str, str]) -> str:
    """In one pass, so that what was put in is not looked at again."""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "|".join(re.escape(word) for word in longest_first)
    return re.sub(rf"(?<![\w.-])(?:{pattern})(?![\w-])", lambda found: words[found[0]], text)
