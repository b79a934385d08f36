"""The agent's HTTP, for kubelet and Prometheus: whether it lives, whether its role process is well, and in numbers."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Protocol

from aiohttp import web

from flinktf.agent.report import Vitals


class Watched(Protocol):
    """What the endpoint asks of an agent."""

    def vitals(self) -> Vitals: ...


def application(agent: Watched, token: str) -> web.Application:
    """``/healthz`` answers while the agent's event loop turns, ``/readyz`` with 503 while its role process is not well;
    ``/metrics`` wants the job's token, as the coordinator does."""
    expected = f"Bearer {token}".encode()

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        why = agent.vitals().unready
        return web.Response(text=why or "ok", status=503 if why else 200)

    async def metrics(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, expected):
            return web.Response(text="send this job's token as 'Authorization: Bearer …'", status=401)
        return web.Response(text="".join(f"{line}\n" for line in prometheus(agent.vitals())))

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


def prometheus(vitals: Vitals) -> Iterator[str]:
    """The exposition format, version 0.0.4."""
    labels = f'{{job="{vitals.job}",role="{vitals.role}",instance="{vitals.instance}"}}'
    for name, kind, text, value in (
        ("ready", "gauge", "1 when the role process is imported and responds.", float(vitals.unready is None)),
        ("attempts", "counter", "Subtask attempts that this agent has served.", vitals.attempts),
        ("step", "gauge", "The training step.", vitals.step),
        ("steps_per_second", "gauge", "Training steps a second.", vitals.rate),
        ("starvation_ratio", "gauge", "The share of its time that the role waits for records.", vitals.starvation),
        ("stuck_seconds", "gauge", "For how long nothing has moved, and it does not wait.", vitals.stuck),
        ("memory_bytes", "gauge", "Resident memory of the role's processes.", vitals.memory),
    ):
        yield f"# HELP flinktf_agent_{name} {text}"
        yield f"# TYPE flinktf_agent_{name} {kind}"
        yield f"flinktf_agent_{name}{labels} {value}"
