"""The operator as its users install it: the chart, by Helm."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.apiserver import binaries
from support.kubectl import Kubectl

CHART: Final = Path(__file__).parents[2] / "charts" / "flinktf"
NAMESPACE: Final = "flinktf-system"


@dataclass(frozen=True)
class Release:
    """The release ``flinktf`` in its own namespace."""

    kubectl: Kubectl

    def install(self) -> None:
        self._helm("upgrade", "--install", "flinktf", str(CHART), "--create-namespace", "--wait", "--timeout", "120s")

    def uninstall(self) -> None:
        self._helm("uninstall", "flinktf", "--wait", "--timeout", "120s")

    def roll_out_anew(self) -> None:
        inside = self.kubectl.within(NAMESPACE)
        inside("rollout", "restart", "deployment/flinktf-operator")
        inside("rollout", "status", "deployment/flinktf-operator", "--timeout=90s", timeout=100)

    def logs(self) -> str:
        """What the replicas that run now have said."""
        select = ("-l", "app.kubernetes.io/name=flinktf-operator", "--tail=-1", "--prefix")
        return self.kubectl.within(NAMESPACE)("logs", *select)

    def _helm(self, *arguments: str) -> None:
        command = [str(binaries() / "helm"), "--kubeconfig", str(self.kubectl.kubeconfig), "-n", NAMESPACE, *arguments]
        subprocess.run(command, timeout=180, check=True)
