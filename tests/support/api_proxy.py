"""A reverse proxy before an API server, for faults at an exact moment: it counts writes, and can act at the Nth one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-encoding", "content-length", "keep-alive", "host"})
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Write:
    """A request that changes something; ``number`` counts from 1."""

    number: int
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said to a request; ``text`` where it refused."""

    method: str
    path: str
    watch: bool
    status: int
    text: str


@dataclass
class ApiProxy:
    """Speaks plain HTTP to its clients, and the credentials of ``kubeconfig`` to the API server.

    ``before`` and ``after`` are called around the forwarding of each write; they may raise ``ConnectionError``, which
    the client sees as a broken connection. Leases are not counted: they go on by themselves. ``watch`` says what is
    asked instead of a watch, and may raise as well.
    """

    kubeconfig: Path
    before: Callable[[Write], None] = lambda _: None
    after: Callable[[Write], None] = lambda _: None
    watch: Callable[[URL], URL] = lambda url: url
    writes: list[Write] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = cluster["server"]
        self._streams: set[asyncio.Transport] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_context(cluster, user), limit=0),
            headers={"Authorization": f"Bearer {user['token']}"} if "token" in user else {},
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._runner.cleanup()

    def write_kubeconfig(self, file: Path) -> Path:
        """A kubeconfig whose server is the proxy."""
        context: dict[str, Any] = {"cluster": "proxy", "user": "proxy"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "contexts": [{"name": "proxy", "context": context}],
            "clusters": [{"name": "proxy", "cluster": {"server": self.url}}],
            "users": [{"name": "proxy", "user": {"token": "unused"}}],
        }
        file.write_text(yaml.safe_dump(config))
        return file

    def cut(self) -> None:
        """Breaks the watches that there are."""
        for transport in tuple(self._streams):
            transport.abort()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        write = None
        if request.method in _WRITES and "/leases" not in request.path:
            write = Write(len(self.writes) + 1, request.method, request.path)
            self.writes.append(write)
        try:
            if write:
                self.before(write)
            response = await self._answer(request)
            if write:
                self.after(write)
        except (ConnectionError, aiohttp.ClientError):  # as it would be without a proxy
            if request.transport is not None:
                request.transport.abort()
            raise
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP | {"authorization"}}
        watch = "watch" in request.query
        url = URL(self._server + request.path_qs)
        url = self.watch(url) if watch else url
        body = await request.read() or None  # an empty body would get a content type that nobody asked for
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP - {"content-encoding"}}
            text = await answer.text() if answer.status >= 400 else ""
            self.answers.append(Answer(request.method, request.path, watch, answer.status, text))
            if not watch:
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
            stream = web.StreamResponse(status=answer.status, headers=kept)
            await stream.prepare(request)
            assert request.transport is not None
            transport = request.transport
            self._streams.add(transport)
            try:
                async for chunk in answer.content.iter_any():
                    await stream.write(chunk)
            finally:
                self._streams.discard(transport)
            return stream


def _context(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    import base64

    if data := cluster.get("certificate-authority-data"):
        context = ssl.create_default_context(cadata=base64.b64decode(data).decode())
    else:
        context = ssl.create_default_context(cafile=cluster.get("certificate-authority"))
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if "client-certificate" in user:
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    return context
