"""The agent's HTTP, for kubelet and Prometheus: whether it lives, whether its role process is well, and in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

from aiohttp import web

from flinktf import bearer, exposition
from flinktf.agent.report import Vitals

Figure = tuple[str, Literal["counter", "gauge"], str, float]
"""A metric's name, kind, text and value."""


class Watched(Protocol):
    """What the endpoint asks of an agent."""

    def vitals(self) -> Vitals: ...


def application(agent: Watched, token: str) -> web.Application:
    """``/healthz`` answers while the agent's event loop turns, ``/readyz`` with 503 while its role process is not well;
    ``/metrics`` wants the job's token, as the coordinator does."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        why = agent.vitals().unready
        return web.Response(text=why or "ok", status=503 if why else 200)

    async def metrics(request: web.Request) -> web.Response:
        if not bearer.may(request, token):
            return web.Response(text="send this job's token as 'Authorization: Bearer …'", status=401)
        return web.Response(text="".join(prometheus(agent.vitals())))

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


def prometheus(vitals: Vitals) -> Iterator[str]:
    """As Prometheus reads it."""
    labels = {"job": vitals.job, "role": vitals.role, "instance": vitals.instance}
    families: tuple[Figure, ...] = (
        ("ready", "gauge", "1 when the role process is imported and responds.", float(vitals.unready is None)),
        ("attempts", "counter", "Subtask attempts that this agent has served.", vitals.attempts),
        ("step", "gauge", "The training step.", vitals.step),
        ("steps_per_second", "gauge", "Training steps a second.", vitals.rate),
        ("starvation_ratio", "gauge", "The share of its time that the role waits for records.", vitals.starvation),
        ("stuck_seconds", "gauge", "For how long nothing has moved, and it does not wait.", vitals.stuck),
        ("memory_bytes", "gauge", "Resident memory of the role's processes.", vitals.memory),
    )
    for name, kind, text, value in families:
        yield from exposition.family(f"flinktf_agent_{name}", kind, text, [(labels, value)])
    for name, told, text in exposition.OF_GPUS:
        if told in vitals.gpu:
            yield from exposition.family(f"flinktf_agent_{name}", "gauge", text, [(labels, vitals.gpu[told])])
