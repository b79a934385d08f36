"""The two operators: how each is started, what a job is to it, and what it makes of one."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.operators import ROOT
from bench.operators.api import NAMESPACE
from cluster.apiserver import ControlPlane, die_with_parent
from flinktf.ports import free_port
from support.operator_process import OperatorProcess

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CERTIFICATES: Final = Path("/tmp/k8s-webhook-server/serving-certs")
"""Where the training-operator wants the files of its Secret; it cannot be told another folder."""


class Process(AbstractContextManager["Process"], Protocol):
    """An operator that runs."""

    @property
    def pid(self) -> int: ...
    def writes(self) -> int:
        """Its requests to the API server that change something, by its own count."""


@dataclass(frozen=True)
class Subject:
    """An operator to be measured. ``children`` are what it makes itself for one job, by kind; in the end four pods."""

    name: str
    plural: str
    job_label: str
    children: Mapping[str, int]
    manifest: Callable[[str], dict[str, Any]]
    install: Callable[[ControlPlane], None]
    start: Callable[[ControlPlane], Process]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple({**self.children, "pods": 4})


class FlinkTF(OperatorProcess):
    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane.kubeconfig, plane.folder / "operator.log")

    def writes(self) -> int:
        return int(sum(self.metric("flinktf_operator_api_requests_total", verb=verb) for verb in _WRITES))


class TrainingOperator:
    """The program of Kubeflow with only the controller of TFJobs, and its own defaults but for ``flags``."""

    def __init__(self, plane: ControlPlane, *flags: str) -> None:
        self._plane = plane
        self._metrics = free_port()
        ports = {self._metrics}
        for _ in range(2):
            ports.add(free_port(frozenset(ports)))
        health, webhook = ports - {self._metrics}
        self._command = [str(_training_operator() / "training-operator.v1"), "--enable-scheme=tfjob", *flags]
        self._command += [f"--metrics-bind-address=127.0.0.1:{self._metrics}", f"--webhook-server-port={webhook}"]
        self._command += [f"--health-probe-bind-address=127.0.0.1:{health}"]
        self._health = f"http://127.0.0.1:{health}/readyz"

    def __enter__(self) -> Self:
        environment = os.environ | {"KUBECONFIG": str(self._plane.kubeconfig)}
        with (self._plane.folder / "operator.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )
        try:
            _until(self._mounted, "the training-operator's certificate")
            _until(self._ready, "the training-operator")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        shutil.rmtree(_CERTIFICATES.parent, ignore_errors=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def writes(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = (sample for family in families for sample in family.samples)
        return int(
            sum(s.value for s in samples if s.name == "rest_client_requests_total" and s.labels["method"] in _WRITES)
        )

    def _mounted(self) -> bool:
        """What the kubelet does for it: the Secret as files."""
        secret = self._plane.kubectl("-n", "kubeflow", "get", "secret", "training-operator-webhook-cert", "-o", "json")
        data = json.loads(secret).get("data") or {}
        if "tls.crt" not in data:
            return False
        _CERTIFICATES.mkdir(parents=True, exist_ok=True)
        for name, value in data.items():
            (_CERTIFICATES / name).write_bytes(base64.b64decode(value))
        return True

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(self._health, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def flinktf() -> Subject:
    return Subject(
        name="flinktf",
        plural="flinktfjobs",
        job_label="flinktf.dev/job",
        children={"deployments": 3, "services": 1, "configmaps": 1, "secrets": 1, "networkpolicies": 1},
        manifest=_wine,
        install=_install_flinktf,
        start=FlinkTF,
    )


def training_operator(name: str = "training-operator", *flags: str) -> Subject:
    return Subject(
        name=name,
        plural="tfjobs",
        job_label="training.kubeflow.org/job-name",
        children={"pods": 4, "services": 4},
        manifest=_tfjob,
        install=_install_training_operator,
        start=lambda plane: TrainingOperator(plane, *flags),
    )


def _wine(name: str) -> dict[str, Any]:
    """One JobManager, one pipeline pod, two workers; its code is the image's."""
    manifest: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "wine" / "job.yaml").read_text())
    spec = {field: value for field, value in manifest["spec"].items() if field != "code"}
    return manifest | {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def _tfjob(name: str) -> dict[str, Any]:
    """One chief, three workers: as many pods."""
    pod = {"containers": [{"name": "tensorflow", "image": "tensorflow", "command": ["python", "train.py"]}]}
    replicas = {
        kind: {"replicas": number, "restartPolicy": "OnFailure", "template": {"spec": pod}}
        for kind, number in (("Chief", 1), ("Worker", 3))
    }
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "TFJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"tfReplicaSpecs": replicas},
    }


def _install_flinktf(plane: ControlPlane) -> None:
    """With the claim that the jobs keep their results in."""
    _apply(plane, ROOT / "crds")
    size = {"storage": "1Gi"}
    shared: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": "data"}
    volume = {"capacity": size, "accessModes": shared["accessModes"], "hostPath": {"path": "/data"}}
    for kind, name, spec in (
        ("PersistentVolume", "data", volume),
        ("PersistentVolumeClaim", "wine-data", shared | {"resources": {"requests": size}}),
    ):
        manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        plane.kubectl("-n", NAMESPACE, "create", "-f", "-", stdin=json.dumps(manifest))


def _install_training_operator(plane: ControlPlane) -> None:
    """Without webhooks: no TFJob has to wait for one. It needs the objects all the same, to keep its certificate in."""
    _apply(plane, _training_operator() / "tfjobs.yaml")
    plane.kubectl("create", "namespace", "kubeflow")
    plane.kubectl("-n", "kubeflow", "create", "secret", "generic", "training-operator-webhook-cert")
    webhooks = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "validator.training-operator.kubeflow.org"},
    }
    plane.kubectl("create", "-f", "-", stdin=json.dumps(webhooks))


def _training_operator() -> Path:
    script = ROOT / "tests" / "cluster" / "training-operator.sh"
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True, timeout=1800, check=True)
    return Path(done.stdout.strip())


def _apply(plane: ControlPlane, files: Path) -> None:
    plane.kubectl("apply", "--server-side", "-f", str(files))
    wait = ("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    # In its first moment a CRD has no conditions at all, which kubectl takes for an error.
    _until(lambda: "condition met" in plane.kubectl(*wait, check=False), "the CRD")


def _until(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} is not there after {seconds:.0f} s")
        time.sleep(0.2)
