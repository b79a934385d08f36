"""The coordinators of all jobs in one: pods that KWOK pretends have the address that this one listens on.

All it says is that training goes on, and nothing that would change: what the operator then writes is its own idea.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import web

from flinktf.pods import COORDINATOR_PORT

_INSTANCE: Final = {"state": "Training", "taskManager": "", "step": 0, "restarts": 0, "lastHeartbeat": 0.0}
_STAGES: Final = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
      - {key: .status.podIP, operator: DoesNotExist}
  next:
    statusTemplate: |
      phase: Running
      hostIP: ADDRESS
      podIP: ADDRESS
      startTime: {{ Now | Quote }}
      conditions:
        - {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
        - name: {{ .name | Quote }}
          image: {{ .image | Quote }}
          ready: true
          restartCount: 0
          state: {running: {startedAt: {{ Now | Quote }}}}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-delete}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .metadata.deletionTimestamp, operator: Exists}
  next: {finalizers: {empty: true}, delete: true}
"""


def address() -> str:
    """One of this machine's that is not loopback: Kubernetes takes no such address for a Service's pod."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        return str(probe.getsockname()[0])


def write_stages(file: Path) -> Path:
    """What KWOK makes of pods: all ready at once, at :func:`address`."""
    file.write_text(_STAGES.replace("ADDRESS", address()))
    return file


class Coordinators:
    """An asynchronous context manager."""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v1/status", self._status)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, address(), COORDINATOR_PORT, backlog=4096).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _status(self, request: web.Request) -> web.Response:
        if "version" in request.query:
            await asyncio.sleep(float(request.query["wait"]))
        roles: list[dict[str, Any]] = [{"role": "worker", "index": index} | _INSTANCE for index in range(2)]
        flink = {"state": "RUNNING", "restarts": 0}
        return web.json_response(
            {"version": 1, "phase": "Running", "generation": 1, "flink": flink, "models": [], "roles": roles}
        )
