"""examples/wine-live on nodes: Kafka outside of the cluster, two jobs on one volume, versions from one to the other."""

from __future__ import annotations

import importlib
import shutil
import socket
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.test_wine_live import ENOUGH, EXAMPLE, LEARNT, PATIENCE, RATE, Feeding, rows_behind
from support.examples import apply, running, volume
from support.kubectl import Kubectl, eventually

pytestmark = pytest.mark.usefixtures("release")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    return importlib.import_module


def here(kubectl: Kubectl) -> str:
    """This machine's address, as the nodes see it."""
    (node, *_) = kubectl.items("nodes")
    address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, 9))
        return str(sock.getsockname()[0])


def _volume_with(kubectl: Kubectl, jar: Path) -> Path:
    """The volume is there when a pod wants it."""
    claim = yaml.safe_load((EXAMPLE / "data.yaml").read_text())
    mounts = [{"name": "data", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}]
    waits = {"name": "waits", "image": "flinktf/flink:0.1.0", "command": ["sleep", "600"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "first"},
        "spec": {"containers": [waits], "volumes": mounts, "terminationGracePeriodSeconds": 0},
    }
    kubectl.apply(claim, pod)
    eventually(lambda: "volumeName" in (kubectl.get("pvc", "wine-live-data") or {})["spec"], 60)
    kubectl("delete", "pod", "first", "--wait=false")
    data = volume(kubectl, "wine-live-data")
    (data / "lib").mkdir(exist_ok=True)
    shutil.copyfile(jar, data / "lib" / jar.name)
    return data


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning")  # in Kafka's client
def test_versions_go_from_one_job_to_the_other(on_kind: Kubectl, scripts: Callable[[str], Any]) -> None:
    broker, feed, announce, watch = map(scripts, ("broker", "feed", "announce", "watch"))
    with broker.broker(here(on_kind)) as address:
        feeding = Feeding(feed.feed(address, RATE))
        feeding.start()
        data = _volume_with(on_kind, broker.CONNECTOR)
        apply(on_kind, "wine-live", {"path": ["spec", "job", "args"], "value": [f"kafka={address}"]})
        for job in ("wine-train", "wine-predict"):
            running(on_kind, job, 240)

        def learnt() -> list[int]:
            found = [number for number in announce.versions(data / "model") if rows_behind(data, number) >= LEARNT]
            assert len(found) >= 2
            return found

        old, new = eventually(learnt, 240, 1)[:2]
        answers = watch.results(address)
        rows: list[dict[str, Any]] = []
        for version in (old, new):
            announce.announce(address, version)
            end, enough = time.monotonic() + PATIENCE, ENOUGH
            while enough:
                assert time.monotonic() < end, on_kind("describe", "flinktfjob", "wine-predict")
                row = next(answers)
                rows += [row] if row is not None else []
                enough -= row is not None and row["model_version"] == version
        feeding.stop()

    assert [row["id"] for row in rows] == list(range(len(rows)))
    assert [version for version, _ in groupby(row["model_version"] for row in rows)] == [old, new]
