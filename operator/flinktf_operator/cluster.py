"""The Kubernetes API server: every request of the operator but kopf's watches goes through here."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
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
_PAGE: Final = "500"
_JSON: Final = "application/json"
# With a charset, the client sends the text that it is given.
_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
_MERGE: Final = "application/merge-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
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
        """Server-side apply, taking over the fields that others have changed. Returns the object."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", _path(manifest), manifest["kind"], query, as_yaml(manifest), _APPLY)

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

    async def list_metadata(self, kind: str, namespace: str | None) -> list[dict[str, Any]]:
        """The metadata of all objects of a kind that are the operator's."""
        query = {"limit": _PAGE}
        if kind != "FlinkTFJob":
            query["labelSelector"] = f"{MANAGED_BY}={FIELD_MANAGER}"
        found: list[dict[str, Any]] = []
        while True:
            page = await self._request("GET", _collection(kind, namespace), kind, query, accept=_METADATA)
            found += [item["metadata"] for item in page["items"] or ()]
            if not page["metadata"].get("continue"):
                return found
            query["continue"] = page["metadata"]["continue"]

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
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": FIELD_MANAGER}
        for setting in (await self._configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        url = f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
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
