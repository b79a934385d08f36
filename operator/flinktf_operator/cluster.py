"""The Kubernetes API server: every request of the operator but kopf's goes through here."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlencode
from urllib.request import getproxies

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from flinktf_operator import metrics
from flinktf_operator.names import FIELD_MANAGER, GROUP, MANAGED_BY, PLURAL, VERSION

Manifest = Mapping[str, Any]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_WATCH_SECONDS: Final = 300
# The API server sends a bookmark each minute where there is nothing else to tell.
_STREAM_TIMEOUT: Final = aiohttp.ClientTimeout(total=_WATCH_SECONDS + 30, connect=10, sock_read=90)
_PAGE: Final = "500"
_JSON: Final = "application/json"
# With a charset, the client sends the text that it is given.
_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
_MERGE: Final = "application/merge-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Where the API server has each kind, as (prefix, plural).
_KINDS: Final = {
    "FlinkTFJob": (f"/apis/{GROUP}/{VERSION}", PLURAL),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Pod": ("/api/v1", "pods"),
    "Service": ("/api/v1", "services"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "Event": ("/apis/events.k8s.io/v1", "events"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
}


class ApiError(Exception):
    """The API server refused, or could not be reached (``code`` 0)."""

    def __init__(self, code: int, what: str, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.code = code
        self.message = message

    @property
    def terminating(self) -> bool:
        """Whether the namespace is being deleted: nothing can be made in it, and all goes soon."""
        return self.code == 403 and "it is being terminated" in self.message

    @property
    def unavailable(self) -> bool:
        """Whether it is the API server that is not there, or not yet: it answers 404 while it starts."""
        return self.code in (0, 429, 503, 504) or "before all known HTTP paths have been installed" in self.message


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a kind that are the operator's, as they were at ``version``."""

    objects: tuple[Mapping[str, Any], ...]
    version: str


class Cluster:
    """An asynchronous context manager; from inside a pod by its service account, else by ``KUBECONFIG``."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    @classmethod
    async def connect(cls) -> Self:
        configuration = Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
        # Else a thread would look for proxies and for a .netrc at each request, which is half of what a request costs.
        configuration.client_session_kwargs = {"trust_env": bool(getproxies())}
        return cls(configuration)

    async def __aenter__(self) -> Self:
        self._client = ApiClient(self._configuration)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def apply(self, manifest: Manifest) -> dict[str, Any]:
        """Server-side apply, taking over the fields that others have changed. Returns the object's metadata."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        text = as_yaml(manifest)
        return await self._request("PATCH", _path(manifest), manifest["kind"], query, text, _APPLY, _METADATA)

    async def create(self, manifest: Manifest) -> dict[str, Any]:
        metadata = manifest["metadata"]
        path = _collection(manifest["kind"], metadata["namespace"])
        return await self._request("POST", path, manifest["kind"], {"fieldManager": FIELD_MANAGER}, manifest)

    async def replace(self, manifest: Manifest) -> dict[str, Any]:
        return await self._request("PUT", _path(manifest), manifest["kind"], {}, manifest)

    async def read(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """None when there is none."""
        try:
            return await self._request("GET", f"{_collection(kind, namespace)}/{quote(name)}", kind)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def delete(self, kind: str, namespace: str, name: str, uid: str | None = None) -> None:
        """One that is gone already, or has been replaced by a namesake of another uid, is no error."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self._request("DELETE", f"{_collection(kind, namespace)}/{quote(name)}", kind, {}, options)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    async def patch_status(
        self, namespace: str, name: str, resource_version: str, patch: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Merges into a job's status, unless the job has changed since ``resource_version`` (409)."""
        body = {"metadata": {"resourceVersion": resource_version}, "status": patch}
        path = f"{_collection('FlinkTFJob', namespace)}/{quote(name)}/status"
        return await self._request("PATCH", path, "FlinkTFJob", {"fieldManager": FIELD_MANAGER}, body, _MERGE)

    async def list(self, kind: str, namespace: str | None, whole: bool = False) -> Listed:
        """In a namespace, or in all; but for their metadata only if ``whole``."""
        query = _selection(kind) | {"limit": _PAGE}
        found: list[Mapping[str, Any]] = []
        while True:
            accept = _JSON if whole else _METADATA_LIST
            page = await self._request("GET", _collection(kind, namespace), kind, query, accept=accept)
            found += page["items"] or ()
            if not page["metadata"].get("continue"):
                return Listed(tuple(found), page["metadata"]["resourceVersion"])
            query["continue"] = page["metadata"]["continue"]

    async def watch(
        self, kind: str, namespace: str | None, version: str, whole: bool = False
    ) -> AsyncIterator[Iterable[Mapping[str, Any]]]:
        """What has changed since ``version``, in bursts as it comes, bookmarks among it.

        Ends when the API server wants it to, after some minutes. Raises :class:`ApiError`, also when nothing comes any
        more; 410 when ``version`` is too old.
        """
        query = _selection(kind) | {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        path = _collection(kind, namespace)
        url = self._url(path, query | {"timeoutSeconds": str(_WATCH_SECONDS)})
        headers = await self._headers(_JSON, _JSON if whole else _METADATA)
        what, rest = f"watch {path}", b""
        try:
            answer = await self._client.call_api("GET", url, headers, _request_timeout=_STREAM_TIMEOUT)
            async with answer.response as stream:
                if stream.status >= 300:
                    raise ApiError(stream.status, what, _message(await stream.read()))
                async for chunk in stream.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    events = [json.loads(line) for line in lines]
                    for event in events:
                        if event["type"] == "ERROR":
                            raise ApiError(event["object"].get("code", 0), what, event["object"].get("message", ""))
                    yield events
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, what, f"the stream has broken: {type(error).__name__} {error}") from None

    async def _request(
        self,
        method: str,
        path: str,
        kind: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | str | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> dict[str, Any]:
        what = f"{method} {path}"
        headers, url = await self._headers(content_type, accept), self._url(path, query)
        began = time.perf_counter()
        code = 0
        try:
            response = await self._client.call_api(method, url, headers, body, _request_timeout=_TIMEOUT)
            code, data = response.status, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, what, f"the API server did not answer: {type(error).__name__} {error}") from None
        finally:
            metrics.API_REQUESTS.labels(method, kind, str(code)).inc()
            metrics.API_SECONDS.labels(method).observe(time.perf_counter() - began)
        if code >= 300:
            raise ApiError(code, what, _message(data))
        value: dict[str, Any] = json.loads(data)
        return value

    async def _headers(self, content_type: str, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": FIELD_MANAGER}
        for setting in (await self._configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        return headers

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        return f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")


def as_yaml(value: Any) -> str:
    """JSON is not quite YAML: it writes what is beyond 16 bits, like an emoji, as two halves, which YAML refuses."""

    def escaped(found: re.Match[str]) -> str:
        code = ord(found[0])
        return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"

    return re.sub(r"[^ -~]", escaped, json.dumps(value, ensure_ascii=False))


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode(errors="replace")


def _path(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return f"{_collection(manifest['kind'], metadata['namespace'])}/{quote(metadata['name'])}"


def _collection(kind: str, namespace: str | None) -> str:
    prefix, plural = _KINDS[kind]
    return f"{prefix}/namespaces/{quote(namespace)}/{plural}" if namespace else f"{prefix}/{plural}"


def _selection(kind: str) -> dict[str, str]:
    """Jobs are people's; of all other kinds only what the operator has made."""
    return {} if kind == "FlinkTFJob" else {"labelSelector": f"{MANAGED_BY}={FIELD_MANAGER}"}
