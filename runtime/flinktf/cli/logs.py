"""``flinktf logs``: what the roles of a job on a cluster print."""

from __future__ import annotations

import re
import sys
import threading
from typing import Any, Final

import click

from flinktf.api.status import read_status
from flinktf.cli.cluster import ClusterAccess

_CONTAINERS: Final = {"jobmanager": "jobmanager", "coordinator": "jobmanager", "driver": "jobmanager"}
"""Which pool has the containers that are no role's."""


@click.command()
@click.argument("job")
@click.argument("what", metavar="ROLE[-INDEX]")
@click.option("--namespace", "-n", help="The job's namespace; else the current context's.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is printed from now on.")
@click.option("--tail", type=click.IntRange(0), help="Only so many lines from the end.")
@click.option("--taskmanager", is_flag=True, help="The Flink TaskManager beside the role, not the role.")
def logs(job: str, what: str, namespace: str | None, follow: bool, tail: int | None, taskmanager: bool) -> None:
    """Print the log of a role of JOB, or of one instance of it; also jobmanager, coordinator, driver, pipeline."""
    cluster = ClusterAccess(namespace)
    pods, container = select(cluster.job(job), what, taskmanager, lambda pool: cluster.pods(job, pool))
    if not pods:
        raise click.ClickException(f"{what} of {job} has no pod now; see: flinktf status {job}")

    failed: list[str] = []

    def show(pod: str, name: str) -> None:
        silent = tail != 0
        try:
            for line in cluster.log(pod, container, follow, tail):
                silent = False
                click.echo(f"{name} {line}" if len(pods) > 1 else line)
            if silent:  # so is a pod without a node, whose log the API server has no error for
                click.echo(f"{name}: nothing printed yet; see: flinktf status {job}", err=True)
        except click.ClickException as error:  # one of several: the others' logs are to be seen
            failed.append(name)
            click.echo(f"{name}: {error.message}", err=True)

    threads = [threading.Thread(target=show, args=(pod, name), daemon=True) for name, pod in pods.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failed else 0)


def select(job: dict[str, Any], what: str, taskmanager: bool, pods_of: Any) -> tuple[dict[str, str], str]:
    """Which pods, by the name that their lines get, and which container. Raises :class:`click.ClickException`."""
    roles = [role["name"] for role in job["spec"]["roles"]]
    if what in _CONTAINERS or what == "pipeline":
        container = "taskmanager" if what == "pipeline" else what
        return {pod: pod for pod in pods_of(_CONTAINERS.get(what, what))}, container
    match = re.fullmatch(r"(.+)-(\d+)", what)
    role, index = (what, None) if what in roles else (match[1], int(match[2])) if match else (what, None)
    if role not in roles:
        known = ", ".join([*roles, *_CONTAINERS, "pipeline"])
        raise click.ClickException(f"{what} is nothing of this job; it has {known}")
    container = "taskmanager" if taskmanager else "tensorflow"
    told = next((one for one in read_status(job.get("status") or {}).roles if one.name == role), None)
    instances = told.instances if told is not None else ()
    placed = {f"{role}-{i.index}": i.pod for i in instances if i.pod and index in (None, i.index)}
    if placed or index is not None:
        return placed, container
    return {pod: pod for pod in pods_of(role)}, container  # before Flink has placed them
