"""What ``flinktf status`` and ``flinktf logs`` read of a cluster, with the user's own kubeconfig."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import click

_TIMEOUT: Final = (5, 30)
"""Seconds to connect, and between two pieces of an answer."""
_FOLLOWING: Final = (5, None)


@dataclass(frozen=True)
class Told:
    """An Event: ``at`` is an ISO time."""

    at: str
    type: str
    reason: str
    message: str


class ClusterAccess:
    """One namespace of the cluster of the current context. Whatever goes wrong is a message for people."""

    def __init__(self, namespace: str | None) -> None:
        try:
            from kubernetes import client, config
        except ImportError:
            raise click.ClickException("the Kubernetes client is missing; install flinktf[operator]") from None
        try:
            config.load_kube_config()
            _, active = config.list_kube_config_contexts()
        except config.ConfigException as error:
            raise click.ClickException(f"no cluster: {error}; set KUBECONFIG") from None
        self.namespace: str = namespace or active["context"].get("namespace") or "default"
        self._core, self._custom = client.CoreV1Api(), client.CustomObjectsApi()

    def job(self, name: str) -> dict[str, Any]:
        absent = f"there is no FlinkTFJob {name} in namespace {self.namespace}, or no flinktf in this cluster"
        found: dict[str, Any] = _asked(
            lambda: self._custom.get_namespaced_custom_object(
                "flinktf.dev", "v1alpha1", self.namespace, "flinktfjobs", name, _request_timeout=_TIMEOUT
            ),
            absent,
        )
        return found

    def events(self, job: str) -> list[Told]:
        """The job's Events, the oldest first."""
        selector = f"involvedObject.kind=FlinkTFJob,involvedObject.name={job}"
        listed = _asked(
            lambda: self._core.list_namespaced_event(self.namespace, field_selector=selector, _request_timeout=_TIMEOUT)
        )
        told = [
            Told(str(e.event_time or e.metadata.creation_timestamp), e.type or "", e.reason or "", e.message or "")
            for e in listed.items
        ]
        return sorted(told, key=lambda event: event.at)

    def pods(self, job: str, pool: str) -> list[str]:
        """The names of a pool's pods."""
        selector = f"flinktf.dev/job={job},flinktf.dev/pool={pool}"
        listed = _asked(
            lambda: self._core.list_namespaced_pod(self.namespace, label_selector=selector, _request_timeout=_TIMEOUT)
        )
        return sorted(pod.metadata.name for pod in listed.items)

    def log(self, pod: str, container: str, follow: bool, tail: int | None) -> Iterator[str]:
        """The lines of a container's log."""
        answer = _asked(
            lambda: self._core.read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                follow=follow,
                tail_lines=tail,
                _preload_content=False,
                _request_timeout=_FOLLOWING if follow else _TIMEOUT,
            ),
            f"there is no pod {pod} any more",
        )
        rest, chunks = b"", answer.stream()
        while chunk := _asked(lambda: next(chunks, b"")):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")


def _asked(request: Callable[[], Any], absent: str | None = None) -> Any:
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return request()
    except ApiException as error:
        raise click.ClickException(absent if absent and error.status == 404 else _message(error)) from None
    except HTTPError as error:
        raise click.ClickException(f"the cluster does not answer: {error}") from None


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"
