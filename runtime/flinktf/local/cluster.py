"""Starts the processes of a job on this machine: coordinator, JobManager, TaskManagers with their agents, driver.

The same processes as on Kubernetes, with the same configuration; only who starts them differs.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flinktf.agent.fork_server import COMMAND, command_for, environment_of
from flinktf.agent.job import agent_spec
from flinktf.agent.spec import AgentSpec
from flinktf.api import LoadedManifest
from flinktf.api.roles import Role
from flinktf.coordinator.job import shape_of
from flinktf.flink.afresh import afresh
from flinktf.flink.distribution import Distribution
from flinktf.flink.java import OPTIONS
from flinktf.flink.log4j import LOG4J
from flinktf.flink.pools import (
    PIPELINE,
    Pool,
    cluster_configuration,
    job_configuration,
    pipeline_environment,
    pools,
    render,
    task_manager_configuration,
)
from flinktf.flink.submission import submission_of
from flinktf.local.layout import Layout
from flinktf.processes import Child, bury_orphans, spawn

_HOST: Final = "127.0.0.1"
# JobManager and client live for a short while and compute little: what counts is how soon they are up. These two take a
# third off their start; the TaskManagers, which move the records, keep the optimising compiler.
_QUICK_START: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

_COORDINATOR: Final = "coordinator"
JOBMANAGER: Final = "jobmanager"
_DRIVER: Final = "driver"
_PRELOADER: Final = "preloader"
_MAY_END: Final = frozenset({_DRIVER, _PRELOADER})
"""The driver when it has submitted the job; what the preloader does for them, agents can do themselves."""
_MOST_REVIVALS: Final = 10
_SETTLED: Final = 30.0
"""Seconds: what ends by itself sooner has not come up, and would not the next time."""
_STEADY: Final = 60.0
"""Seconds: what has run so long has recovered from what has ended it before."""


@dataclass(frozen=True)
class Ports:
    """The ports that processes must know of each other before they start."""

    rpc: int
    rest: int
    coordinator: int


@dataclass
class Cluster:
    """The processes of one run, as they are started."""

    manifest: LoadedManifest
    distribution: Distribution
    layout: Layout
    ports: Ports
    job_id: str
    children: list[Child] = field(default_factory=list)
    _recipes: dict[str, tuple[list[str], dict[str, str]]] = field(default_factory=dict)
    _revived: Counter[str] = field(default_factory=Counter)

    @property
    def rest_url(self) -> str:
        return f"http://{_HOST}:{self.ports.rest}"

    @property
    def coordinator_url(self) -> str:
        return f"http://{_HOST}:{self.ports.coordinator}"

    @property
    def submission_file(self) -> Path:
        return self.layout.run / "submission.json"

    @property
    def outcome_file(self) -> Path:
        return self.layout.run / "submitted.json"

    async def start_coordinator(self) -> Child:
        """It writes its port to ``layout.coordinator_port``, once it listens."""
        shape = shape_of(self.manifest.job, submitted_here=False)
        file = self.layout.run / "coordinator.json"
        file.write_text(shape.to_json())
        command = [sys.executable, "-m", "flinktf.coordinator", "--spec", str(file), "--host", _HOST]
        command += ["--port", str(self.ports.coordinator)]
        command += ["--token-file", str(self.layout.token), "--port-file", str(self.layout.coordinator_port)]
        return await self._spawn(_COORDINATOR, command, dict(os.environ))

    async def start_flink(self) -> None:
        """JobManager and every TaskManager, side by side: they find each other."""
        for jar in self.distribution.jars:
            (self.layout.jars / jar.name).symlink_to(jar)
        await self._start_flink_process(JOBMANAGER, "jobmanager.sh", {}, {})
        for pool in pools(self.manifest.job):
            for instance in pool.instances:
                await self._start_task_manager(pool, instance)

    async def start_agents(self) -> None:
        """One agent beside each TaskManager of a role, and who imports TensorFlow for them all."""
        specs = {
            instance: self._agent_spec(role, instance)
            for role in self.manifest.job.spec.roles
            for instance in (f"{role.name}-{index}" for index in range(role.replicas))
        }
        if specs:
            await self._start_preloader(next(iter(specs.values())))
        for instance, spec in specs.items():
            file = self.layout.run / f"agent-{instance}.json"
            file.touch(mode=0o600)
            file.write_text(spec.to_json())
            preloader = ["--preloader", str(self.layout.preloader_socket)]
            command = [sys.executable, "-m", "flinktf.agent", "--spec", str(file), *preloader]
            await self._spawn(f"agent-{instance}", command, dict(os.environ))

    def _agent_spec(self, role: Role, instance: str) -> AgentSpec:
        """``instance`` is the one that the agent's TaskManager begins with."""
        spec = self.manifest.job.spec
        directory = self.manifest.directory
        return agent_spec(
            self.manifest.job,
            role,
            socket=str(self.layout.agent_socket(instance)),
            coordinator=self.coordinator_url,
            token_file=str(self.layout.token),
            host=_HOST,
            code_path=str(self.manifest.code_path),
            model_path=str(directory / spec.model.path),
            checkpoint_path=str(directory / spec.checkpoint.path) if spec.checkpoint else "",
            storage_path=str(directory),
            work_dir=str(self.layout.work / instance),
            log_dir=str(self.layout.logs),
        )

    async def _start_preloader(self, spec: AgentSpec) -> None:
        """For all roles alike: they have one environment. It listens at once, and answers when its imports are over."""
        if command_for(spec) != COMMAND:
            return  # each role installs packages of its own
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.layout.preloader_socket))
            listener.listen(socket.SOMAXCONN)
            descriptor = listener.fileno()
            command = [*COMMAND, "--listen-fd", str(descriptor)]
            log = self.layout.logs / f"{_PRELOADER}.log"
            environment = environment_of(spec) | self._temporary()
            child = await spawn(_PRELOADER, command, environment, log, Path(spec.code_path), pass_fds=(descriptor,))
        self.children.append(child)

    async def start_driver(self) -> Child:
        """The process that submits the Flink job; it ends when the job is submitted."""
        job = self.manifest.job
        submission = submission_of(
            job,
            self.job_id,
            rest=(_HOST, self.ports.rest),
            configuration=job_configuration(job),
            code=str(self.manifest.code_path),
            storage=str(self.manifest.directory),
        )
        self.submission_file.write_text(submission.to_json())
        environment = self._flink_environment(self._write_conf("driver", cluster_configuration(job)))
        environment["FLINK_ENV_JAVA_OPTS"] = f"{OPTIONS} {_QUICK_START}"
        command = [sys.executable, "-m", "flinktf.flink.driver", str(self.submission_file), str(self.outcome_file)]
        return await self._spawn(_DRIVER, command, environment)

    async def _start_task_manager(self, pool: Pool, instance: str) -> None:
        configuration = task_manager_configuration(pool) | {
            "taskmanager.host": _HOST,
            "taskmanager.bind-host": _HOST,
            # The name under which Flink's REST API and logs know it; the run's folder has a log of the same name.
            "taskmanager.resource-id": f"taskmanager-{instance}",
        }
        if pool.name == PIPELINE:
            extra = pipeline_environment(self.coordinator_url, str(self.layout.token))
        else:
            extra = {"FLINKTF_AGENT_SOCKET": str(self.layout.agent_socket(instance))}
        await self._start_flink_process(f"taskmanager-{instance}", "taskmanager.sh", configuration, extra)

    async def _start_flink_process(
        self, name: str, script: str, configuration: dict[str, str], extra: dict[str, str]
    ) -> None:
        whole = cluster_configuration(self.manifest.job) | configuration
        environment = self._flink_environment(self._write_conf(name, whole)) | extra
        command = afresh(
            str(self.layout.work / name), [str(self.distribution.home / "bin" / script), "start-foreground"]
        )
        await self._spawn(name, command, environment)

    def _write_conf(self, name: str, configuration: dict[str, str]) -> Path:
        folder = self.layout.conf / name
        folder.mkdir()
        ours = {
            "jobmanager.rpc.address": _HOST,
            "jobmanager.rpc.port": str(self.ports.rpc),
            "jobmanager.bind-host": _HOST,
            "jobmanager.memory.process.size": "1024m",
            "rest.address": _HOST,
            "rest.bind-address": _HOST,
            "rest.port": str(self.ports.rest),
            "io.tmp.dirs": str(self.layout.work / name),
            "web.log.path": str(self.layout.logs / f"{name}.log"),
            "taskmanager.log.path": str(self.layout.logs / f"{name}.log"),
            "env.java.opts.all": f"{OPTIONS} -Djava.io.tmpdir={self.layout.temporary}",
            "env.java.opts.jobmanager": _QUICK_START,
        }
        (folder / "config.yaml").write_text(render(ours | configuration))
        for log4j in ("log4j-console.properties", "log4j-cli.properties"):
            (folder / log4j).write_text(LOG4J)
        return folder

    def _flink_environment(self, conf: Path) -> dict[str, str]:
        return dict(os.environ) | {
            "FLINK_HOME": str(self.distribution.home),
            "FLINK_CONF_DIR": str(conf),
            "FLINK_LIB_DIR": str(self.layout.jars),
            "FLINK_LOG_DIR": str(self.layout.logs),
            "FLINK_PID_DIR": str(self.layout.work),
            "JAVA_HOME": str(self.distribution.java_home),
        }

    def lost(self) -> Child | None:
        """A process that should run, has ended, and cannot be begun again."""
        return next((child for child in self._ended() if not self._can_begin_again(child)), None)

    async def revive(self) -> list[str]:
        """Begins again what has ended and can be, as kubelet does in a pod, where an init process also buries what the
        dead have left; a line for each."""
        told = []
        bury_orphans(self.children)
        for child in [child for child in self._ended() if self._can_begin_again(child)]:
            command, environment = self._recipes[child.name]
            self._revived[child.name] = self._revivals(child) + 1
            self.children.remove(child)
            await self._spawn(child.name, command, environment)
            told.append(f"{child.name} ended with exit code {child.exit_code}: it is started again")
        return told

    def _ended(self) -> list[Child]:
        return [child for child in self.children if child.name not in _MAY_END and child.exit_code is not None]

    def _can_begin_again(self, child: Child) -> bool:
        # By a signal, or in good order (an agent that was told to leave): not because it cannot start.
        killed = child.exit_code is not None and child.exit_code <= 0
        was_up = killed or time.monotonic() - child.started > _SETTLED
        if child.name == _COORDINATOR:
            was_up = was_up and self.layout.coordinator_port.exists()
        # A JobManager has its job in its memory.
        return was_up and child.name != JOBMANAGER and self._revivals(child) < _MOST_REVIVALS

    def _revivals(self, child: Child) -> int:
        """How often it was begun again since it has run well."""
        return 0 if time.monotonic() - child.started > _STEADY else self._revived[child.name]

    async def _spawn(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        self._recipes[name] = command, environment
        child = await spawn(
            name, command, environment | self._temporary(), self.layout.logs / f"{name}.log", self.layout.run
        )
        self.children.append(child)
        return child

    def _temporary(self) -> dict[str, str]:
        return {"TMPDIR": str(self.layout.temporary)}
