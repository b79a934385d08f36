"""On a cluster: a worker's TensorFlow process is killed, in a FlinkTFJob and in a pod that Kubernetes just restarts.

The pod is what a TFJob's worker is: one container with ``restartPolicy: OnFailure`` that loads its newest checkpoint
when it begins. It is alone, and fed from its own memory; the workers of a real TFJob would wait for each other besides.

``python -m bench.failover.pods``, on the cluster of ``$KUBECONFIG``, or on the one of ``make cluster-up``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flinktf.training.forkserver import NAME
from support.counted import apply_counted
from support.kubectl import Kubectl, cluster_with_nodes, eventually, fresh_namespace
from support.release import Release

IMAGE: Final = "flinktf/tensorflow:0.1.0"

# What follows runs in the pods. Both have the same model.
TRAIN: Final = """
    import tensorflow as tf

    import flinktf


    def main(context):
        records = context.dataset(label="y", batch_size=16, as_matrix=True)
        with context.strategy.scope():
            model = tf.keras.Sequential(
                [tf.keras.Input((1,)), tf.keras.layers.Rescaling(1e-6), tf.keras.layers.Dense(1)])
            model.compile("sgd", "mse")
        flinktf.fit(model, records)
"""
# Without an end. A sequence of Flink's would keep all of its numbers in its state, and read them again for seconds.
SQL: Final = """
    CREATE TABLE numbers (id BIGINT NOT NULL) WITH (
        'connector' = 'datagen', 'rows-per-second' = '{rate}', 'fields.id.min' = '0', 'fields.id.max' = '{last}');
    CREATE TABLE training (id FLOAT, y FLOAT) WITH ('connector' = 'flinktf', 'role' = 'worker');
    INSERT INTO training SELECT CAST(id AS FLOAT), CAST(0 AS FLOAT) FROM numbers;
"""
PLAIN_NAME: Final = "plain-role"
PLAIN: Final = f"""
import json, os, time
open("/proc/self/comm", "w").write("{PLAIN_NAME}")
import numpy as np
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Rescaling(1e-6), tf.keras.layers.Dense(1)])
model.compile("sgd", "mse")
path, step = "/data/model.npz", 0
if os.path.exists(path):
    saved = np.load(path)
    step = int(saved["step"])
    model.set_weights([saved["kernel"], saved["bias"]])
restored = time.time()
x, y, first, saved_at = np.ones((16, 1), "float32"), np.ones((16, 1), "float32"), step, time.time()
while True:
    model.train_on_batch(x, y)
    step += 1
    if step == first + 1:
        print(json.dumps({{"from": first, "restored": restored, "stepped": time.time()}}), flush=True)
    if time.time() - saved_at > 2:
        kernel, bias = model.get_weights()
        np.savez("/data/new.npz", step=step, kernel=kernel, bias=bias)
        os.replace("/data/new.npz", path)
        saved_at = time.time()
"""
KILL: Final = """
import os, signal, sys, time
for pid in filter(str.isdecimal, os.listdir("/proc")):
    if open(f"/proc/{pid}/comm").read().strip() == sys.argv[1]:
        at = time.time()
        os.kill(int(pid), signal.SIGKILL)
        print(at)
"""
WATCH: Final = """
import json, time, urllib.request
token = open("/run/secrets/flinktf/token").read().strip()
request = urllib.request.Request("http://127.0.0.1:8090/v1/status", headers={"Authorization": f"Bearer {token}"})
def look():
    status = json.load(urllib.request.urlopen(request, timeout=5))
    said = [event for event in status["events"] if (event["type"], event["who"]) == ("Notice", "worker-1")]
    notices = [event["at"] for event in said if "goes on" in event["message"]]
    return notices, next(role for role in status["roles"] if (role["role"], role["index"]) == ("worker", 1))
known, _ = look()
print("looks", flush=True)
while len((found := look())[0]) == len(known):
    time.sleep(0.02)
first = found[1]["step"]
while look()[1]["step"] <= first:
    time.sleep(0.02)
print(json.dumps({"restored": found[0][-1], "stepped": time.time()}))
"""


@dataclass(frozen=True)
class Restart:
    """Seconds since SIGKILL: until the model is as it was, and until the next step is told."""

    restored: float
    stepped: float


def restarts(kubectl: Kubectl, strategy: str, kills: int) -> list[Restart]:
    """Of worker 1 of a FlinkTFJob. What it trained on in the end is told by a heartbeat, so within a second."""
    seconds, rate = 900, 500
    tensorflow = {"entrypoint": "train:main", "strategy": strategy}
    # Each of these kills is to be like a first one, which waits for nothing: so are the pods'.
    roles = [{"name": "worker", "replicas": 2, "failover": {"backoff": {"resetAfter": "1s"}}}]
    apply_counted(kubectl, seconds, rate, TRAIN, SQL, tensorflow=tensorflow, roles=roles)
    found = []
    for _ in range(kills):
        eventually(lambda: _trained(kubectl), 300)
        watch = _started(kubectl, _pod(kubectl, "jobmanager"), "coordinator", WATCH)
        assert watch.stdout is not None
        watch.stdout.readline()
        pod = next(it["pod"] for it in _instances(kubectl) if it["index"] == 1)
        killed = float(_run(kubectl, pod, "tensorflow", KILL, NAME))
        found.append(_restart(json.loads(watch.communicate(timeout=180)[0]), killed))
    kubectl("delete", "ftj", "counted", timeout=120)
    return found


def _instances(kubectl: Kubectl) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kubectl.status("counted").get("roles", [{}])[0].get("instances", [])
    return found


def _trained(kubectl: Kubectl) -> bool:
    """Worker 1, once it has trained for a while, and a checkpoint is there to go on from."""
    first = next((it for it in _instances(kubectl) if it["index"] == 1), {})
    settled = first.get("state") == "Training" and kubectl.status("counted").get("checkpoint")
    return bool(settled) and first["step"] > 200 * (first["restarts"] + 1)


def plain_restarts(kubectl: Kubectl, kills: int) -> list[Restart]:
    """The same of pods without flinktf, each killed once: Kubernetes waits longer and longer for those that follow."""
    return [_plain_restart(kubectl, f"plain-{number}") for number in range(kills)]


def _plain_restart(kubectl: Kubectl, name: str) -> Restart:
    container = {
        "name": "tensorflow",
        "image": IMAGE,
        "command": ["tini", "--", "python", "-c", PLAIN],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {"restartPolicy": "OnFailure", "containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    eventually(lambda: kubectl("exec", name, "--", "test", "-e", "/data/model.npz") == "", 120)
    killed = float(_run(kubectl, name, "tensorflow", KILL, PLAIN_NAME))

    def begun() -> list[dict[str, float]]:
        lines = map(json.loads, filter(lambda line: line.startswith("{"), kubectl("logs", name).splitlines()))
        return [line for line in lines if line["from"] > 0]

    told = eventually(begun, 180)[0]
    kubectl("delete", "pod", name, "--grace-period=0", "--force")
    return _restart(told, killed)


def _restart(told: dict[str, float], killed: float) -> Restart:
    return Restart(told["restored"] - killed, told["stepped"] - killed)


def _pod(kubectl: Kubectl, pool: str) -> str:
    name: str = kubectl.items("pods", f"flinktf.dev/pool={pool}")[0]["metadata"]["name"]
    return name


def _command(pod: str, container: str, script: str, *arguments: str) -> list[str]:
    return ["exec", pod, "-c", container, "--", "python", "-c", script, *arguments]


def _run(kubectl: Kubectl, pod: str, container: str, script: str, *arguments: str) -> str:
    return kubectl(*_command(pod, container, script, *arguments))


def _started(kubectl: Kubectl, *what: str) -> subprocess.Popen[str]:
    command = ["kubectl", "--kubeconfig", str(kubectl.kubeconfig), "-n", kubectl.namespace, *_command(*what)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.failover.pods", description=__doc__)
    parser.add_argument("--kills", type=int, default=3, help="of each; figures are medians")
    kills = parser.parse_args().kills
    kubectl = cluster_with_nodes()
    Release(kubectl).install()
    print("\nOn the cluster, from SIGKILL for a worker's TensorFlow process to the next training step", flush=True)
    subjects: tuple[tuple[str, Callable[[Kubectl], list[Restart]]], ...] = (
        ("a pod that is restarted", lambda inside: plain_restarts(inside, kills)),
        ("Independent, Role", lambda inside: restarts(inside, "Independent", kills)),
        ("MultiWorkerMirrored, Gang", lambda inside: restarts(inside, "MultiWorkerMirrored", kills)),
    )
    plain: Restart | None = None
    for name, measure in subjects:
        with fresh_namespace(kubectl, "bench") as inside:
            found = measure(inside)
        median = Restart(*(statistics.median(getattr(one, part) for one in found) for part in ("restored", "stepped")))
        plain = plain or median
        told = f"the model is back after {median.restored:4.1f} s ({median.restored / plain.restored:.2f} of the first)"
        print(f"  {name:<26} {told}, the next step after {median.stepped:4.1f} s", flush=True)


if __name__ == "__main__":
    main()
