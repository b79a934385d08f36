"""The operator's own HTTP: ``/livez`` and ``/readyz`` for the kubelet, ``/metrics`` for Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str | None]
"""None when all is well; else what is wrong."""
Route = Callable[[web.Request], Awaitable[web.Response]]


async def serve_health(port: int, live: Check, ready: Check) -> web.AppRunner:
    return await _serve(port, {"/livez": _answer(live), "/readyz": _answer(ready)})


async def serve_metrics(port: int, refresh: Callable[[], None]) -> web.AppRunner:
    """``refresh`` sets the gauges that are only known by counting."""

    async def metrics(_: web.Request) -> web.Response:
        refresh()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return await _serve(port, {"/metrics": metrics})


def _answer(check: Check) -> Route:
    async def answer(_: web.Request) -> web.Response:
        wrong = check()
        return web.Response(text="ok") if wrong is None else web.Response(status=503, text=wrong)

    return answer


async def _serve(port: int, routes: Mapping[str, Route]) -> web.AppRunner:
    app = web.Application()
    app.add_routes([web.get(path, route) for path, route in routes.items()])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
