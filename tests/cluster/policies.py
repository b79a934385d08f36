"""Enforces a namespace's NetworkPolicies on the kind cluster's nodes, whose bridge does not.

Real packet filters on real nodes, but of the policies only what flinktf uses: ingress, by labels, namespaces and TCP
ports. A network plugin that enforces policies takes its place where there is one.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

from support.kubectl import Kubectl

_CHAIN: Final = "TEST-POLICIES"
_EVERY: Final = 0.5
"""Seconds: pods get their addresses while a job starts, and rules with them."""


class Enforcer:
    """From entering to leaving, the policies of ``kubectl``'s namespace hold."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._nodes = [node["metadata"]["name"] for node in kubectl.items("nodes")]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._enforce, daemon=True)
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        for node in self._nodes:
            # Pods of one node meet on its bridge: its packets have to pass the filters too.
            _on(node, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")
        self._restore([])
        for node in self._nodes:
            _on(node, "iptables", "-I", "FORWARD", "1", "-j", _CHAIN)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(timeout=30)
        for node in self._nodes:
            _on(node, "iptables", "-D", "FORWARD", "-j", _CHAIN)
        self._restore([])

    def _enforce(self) -> None:
        before: list[str] | None = None
        while not self._ended.wait(_EVERY):
            try:
                wanted = rules(
                    self._kubectl.items("networkpolicies"),
                    self._kubectl.all_namespaces("pods"),
                    self._kubectl.items("namespaces"),
                )
                if wanted != before:
                    self._restore(wanted)
                    before = wanted
            except Exception as error:  # for the test to see
                self.failure = error
                return

    def _restore(self, wanted: list[str]) -> None:
        text = "\n".join(["*filter", f":{_CHAIN} - [0:0]", *(f"-A {_CHAIN} {rule}" for rule in wanted), "COMMIT", ""])
        for node in self._nodes:
            _on(node, "iptables-restore", "--noflush", stdin=text)


def rules(policies: list[dict[str, Any]], pods: list[dict[str, Any]], namespaces: list[dict[str, Any]]) -> list[str]:
    """The packet filter's rules for the pods that ``policies`` select, as arguments of ``iptables -A``."""
    labels_of = {it["metadata"]["name"]: it["metadata"].get("labels", {}) for it in namespaces}
    made = ["-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"]
    closed: set[str] = set()
    for policy in policies:
        home, spec = policy["metadata"]["namespace"], policy["spec"]
        inside = [pod for pod in pods if pod["metadata"]["namespace"] == home]
        for target in _addresses(inside, spec["podSelector"]):
            closed.add(target)
            for rule in spec.get("ingress", ()):
                ports = [f" -p tcp --dport {port['port']}" for port in rule.get("ports", ())] or [""]
                for source in _sources(rule, home, pods, labels_of):
                    made += [f"-s {source} -d {target}{port} -j RETURN" for port in ports]
    return made + [f"-d {target} -j DROP" for target in sorted(closed)]


def _sources(
    rule: dict[str, Any], home: str, pods: list[dict[str, Any]], labels_of: dict[str, dict[str, str]]
) -> Iterator[str]:
    for peer in rule["from"]:
        spaces = {home}
        if "namespaceSelector" in peer:
            spaces = {name for name, labels in labels_of.items() if _matches(peer["namespaceSelector"], labels)}
        yield from _addresses([pod for pod in pods if pod["metadata"]["namespace"] in spaces], peer["podSelector"])


def _addresses(pods: list[dict[str, Any]], selector: dict[str, Any]) -> list[str]:
    chosen = [pod for pod in pods if _matches(selector, pod["metadata"].get("labels", {}))]
    return sorted(ip for pod in chosen if (ip := pod["status"].get("podIP")) and not pod["spec"].get("hostNetwork"))


def _matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, selector
    return selector.get("matchLabels", {}).items() <= labels.items()


def _on(node: str, *command: str, stdin: str | None = None) -> None:
    subprocess.run(["docker", "exec", "-i", node, *command], input=stdin, text=True, timeout=30, check=True)
