"""The operator's own watches against a real API server: whatever becomes of their streams, nothing is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_kube_config
from yarl import URL

from cluster.apiserver import ControlPlane
from flinktf_operator import cluster as requests
from flinktf_operator.cluster import Cluster
from flinktf_operator.names import FIELD_MANAGER, JOB_LABEL, MANAGED_BY
from flinktf_operator.observed import Key
from flinktf_operator.store import Kind, Store
from flinktf_operator.watch import Watch
from support.api_proxy import Answer, ApiProxy
from support.kubectl import Kubectl

LABELS = {MANAGED_BY: FIELD_MANAGER, JOB_LABEL: "wine"}
CONTAINER = {"name": "main", "image": "none"}


def pod(name: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [CONTAINER]}}


def deployment(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}}
    spec = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": LABELS},
        "spec": spec,
    }


class Following:
    """A watch that runs, and what it has told."""

    def __init__(self, kind: Kind, cluster: Cluster, namespace: str) -> None:
        self.store = Store()
        self.told: list[Key] = []
        self.watch = Watch(cluster, self.store, kind, namespace, self.told.append)
        self.kind = kind

    async def count(self, number: int) -> None:
        """Waits until so many objects are known."""
        await until(lambda: len(self.store.versions(self.kind)) == number)


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def refuse(url: URL) -> URL:
    raise ConnectionError


def lists(proxy: ApiProxy) -> list[Answer]:
    return [answer for answer in proxy.answers if not answer.watch]


@asynccontextmanager
async def following(kind: Kind, proxy: ApiProxy, kubectl: Kubectl, tmp_path: Path) -> AsyncIterator[Following]:
    configuration = Configuration()
    file = str(proxy.write_kubeconfig(tmp_path / "proxied"))
    await load_kube_config(config_file=file, client_configuration=configuration)
    async with Cluster(configuration) as cluster:
        it = Following(kind, cluster, kubectl.namespace)
        running = asyncio.create_task(it.watch.run())
        try:
            await asyncio.wait_for(it.watch.listed.wait(), 10)
            yield it
        finally:
            running.cancel()
            assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)


async def do(kubectl: Kubectl, *arguments: str) -> None:
    await asyncio.to_thread(kubectl, *arguments)


async def make(kubectl: Kubectl, *manifests: dict[str, Any]) -> None:
    await asyncio.to_thread(kubectl.apply, *manifests)


async def test_what_there_is_and_each_change(kubectl: Kubectl, tmp_path: Path) -> None:
    await make(kubectl, deployment("one"))
    async with (
        ApiProxy(kubectl.kubeconfig) as proxy,
        following("workloads", proxy, kubectl, tmp_path) as it,
    ):
        await it.count(1)
        await make(kubectl, deployment("two"))
        await it.count(2)
        await do(kubectl, "delete", "deployment", "one")
        await it.count(1)
        assert set(it.told) == {(kubectl.namespace, "wine")}
        assert len(it.told) == 2  # at the start all jobs are looked at anyway
        assert sum(answer.watch for answer in proxy.answers) == 1


async def test_a_stream_that_breaks_goes_on_where_it_was(kubectl: Kubectl, tmp_path: Path) -> None:
    async with ApiProxy(kubectl.kubeconfig) as proxy, following("pods", proxy, kubectl, tmp_path) as it:
        await make(kubectl, pod("one"))
        await it.count(1)
        proxy.watch = refuse
        proxy.cut()
        await make(kubectl, pod("two"), pod("three"))
        await do(kubectl, "delete", "pod", "one", "--now")
        assert it.watch.still < 20
        proxy.watch = ApiProxy.watch
        await it.count(2)
        assert len(lists(proxy)) == 1


async def test_a_version_that_is_too_old_means_a_new_list(tmp_path: Path) -> None:
    """An API server that has started again remembers nothing from before."""

    def ancient(url: URL) -> URL:
        return url.update_query(resourceVersion="1")

    with ControlPlane() as plane:
        kubectl = Kubectl(plane.kubeconfig)
        await until(lambda: kubectl.get("serviceaccount", "default") is not None)
        async with ApiProxy(kubectl.kubeconfig) as proxy, following("pods", proxy, kubectl, tmp_path) as it:
            await make(kubectl, pod("one"), pod("two"))
            await it.count(2)
            proxy.watch = refuse
            proxy.cut()
            await do(kubectl, "delete", "pod", "one", "--now")
            await make(kubectl, pod("three"), pod("four"))
            plane.stop_api_server()
            plane.start_api_server()
            it.told.clear()
            proxy.watch = ancient  # from now on each watch is answered with 410: what is known is from lists
            await it.count(3)
            assert set(it.told) == {("default", "wine")}
            assert len(lists(proxy)) >= 2


async def test_a_silent_stream_is_given_up(kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_STREAM_TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.5))
    async with ApiProxy(kubectl.kubeconfig) as proxy, following("pods", proxy, kubectl, tmp_path) as it:
        await until(lambda: sum(answer.watch for answer in proxy.answers) >= 3)
        await make(kubectl, pod("one"))
        await it.count(1)
