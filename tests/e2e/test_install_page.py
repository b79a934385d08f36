"""docs/install.md, command by command, against an API server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from cluster.apiserver import ControlPlane, binaries

ROOT = Path(__file__).parents[2]
ARGO_CD = """
kubectl create namespace argocd
kubectl -n argocd create configmap argocd-cm
"""


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "install.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 8
    with ControlPlane() as cluster:
        # Helm keeps caches in its home.
        environment = os.environ | {
            "KUBECONFIG": str(cluster.kubeconfig),
            "PATH": f"{binaries()}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
        }
        for block in (ARGO_CD, *blocks):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{block}\n{done.stderr}"
        health = cluster.kubectl("-n", "argocd", "get", "configmap", "argocd-cm", "-o", "yaml")
        assert "resource.customizations.health.flinktf.dev_FlinkTFJob" in health
        assert "flinktf" not in cluster.kubectl("get", "crds,clusterroles,clusterrolebindings", "-o", "name")
