"""``flinktf status``: how a job on a cluster is doing."""

from __future__ import annotations

import time
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flinktf.api.status import Status, read_status
from flinktf.cli.cluster import ClusterAccess, Told

_EVERY = 2.0
_EVENTS = 8
_FIGURES = ("step", "steps/s", "memory", "GPU", "restarts")
_COLOURS = {"Running": "green", "Succeeded": "green", "Failed": "red", "Suspended": "yellow"}


@click.command()
@click.argument("job")
@click.option("--namespace", "-n", help="Its namespace; else the current context's.")
@click.option("--watch", "-w", is_flag=True, help="Go on until the job has ended.")
def status(job: str, namespace: str | None, watch: bool) -> None:
    """Show how JOB is doing: its roles and where they run, Flink, checkpoint, model, what happened last."""
    cluster, console = ClusterAccess(namespace), Console()
    found = cluster.job(job)
    if not watch:
        console.print(view(found, cluster.events(job)))
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(view(found, cluster.events(job)), refresh=True)
            if read_status(found.get("status") or {}).phase in ("Succeeded", "Failed"):
                return
            time.sleep(_EVERY)
            found = cluster.job(job)


def view(job: dict[str, Any], events: list[Told]) -> RenderableType:
    """What a person is shown of the object and its Events. Pure."""
    told = read_status(job.get("status") or {})
    parts: list[RenderableType] = [_headline(job["metadata"]["name"], told), *_conditions(told)]
    if told.roles:
        parts.append(_roles(told))
    parts += [Text(line) for line in _facts(told)]
    parts += [Text(_line(event)) for event in events[-_EVENTS:]]
    return Group(*parts)


def _line(event: Told) -> str:
    first = event.message.partition("\n")[0]
    return f"{event.at[11:19]}  {event.reason}: {first}"


def _headline(name: str, told: Status) -> Text:
    phase = told.phase or "Pending"
    text = Text.assemble((name, "bold"), "  ", (phase, _COLOURS.get(phase, "cyan")))
    if told.step:
        text.append(f"  step {told.step:,}")
    if told.restarts:
        text.append(f"  {told.restarts} restarts")
    return text


def _conditions(told: Status) -> list[Text]:
    """Those that say more than the phase: what it waits for, what is wrong."""
    wanted = {"Reconciling": "cyan", "Stalled": "red", "RolesHealthy": "yellow"}
    return [
        Text(f"{condition.reason}: {condition.message}", wanted[condition.type])
        for condition in told.conditions
        if condition.type in wanted and (condition.type != "RolesHealthy" or condition.status == "False")
    ]


def _roles(told: Status) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in (
        "instance",
        "state",
        "activity",
        "step",
        "steps/s",
        "memory",
        "GPU",
        "restarts",
        "pod",
        "node",
        "last error",
    ):
        table.add_column(heading, justify="right" if heading in _FIGURES else "left", overflow="fold")
    for role in told.roles:
        for instance in role.instances:
            table.add_row(
                f"{role.name}-{instance.index}",
                instance.state,
                instance.activity or "",
                f"{instance.step or 0:,}",
                instance.steps_per_second or "",
                instance.memory or "",
                instance.gpu or "",
                str(instance.restarts),
                instance.pod or "",
                instance.node or "",
                Text(instance.last_error or ""),  # as it is: brackets in it are no markup
            )
        if not role.instances:
            table.add_row(role.name, f"{role.ready}/{role.desired} ready", *[""] * 9)
    return table


def _facts(told: Status) -> list[str]:
    facts = []
    if told.run is not None:
        flink = f", {told.flink.state}" if told.flink is not None else ""
        facts.append(f"run {told.run.number}: Flink job {told.run.job_id}{flink}")
    if told.checkpoint is not None:
        facts.append(f"checkpoint {told.checkpoint.id}: {told.checkpoint.location}")
    if told.model is not None:
        facts.append(f"model: {told.model.path}")
    return facts
