"""A real API server without nodes: etcd, kube-apiserver and kube-controller-manager as processes of this machine.

Three seconds to start, RBAC on, garbage collection and Deployments work; with KWOK pods also run, on nodes that are
not there. By hand: ``python tests/cluster/apiserver.py`` keeps one until it is interrupted.
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "runtime")]

from flinktf.ports import free_port  # noqa: E402

_START = 60.0
_LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """For ``preexec_fn``: also when the parent is killed, and cannot tidy up."""
    _LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)


def binaries() -> Path:
    """The folder with etcd, kube-apiserver and the rest; built on the first call, which takes ten minutes."""
    done = subprocess.run([HERE / "binaries.sh"], stdout=subprocess.PIPE, text=True, timeout=1800, check=True)
    return Path(done.stdout.strip())


@dataclass
class ControlPlane:
    """A context manager. ``kubeconfig`` is an administrator's."""

    nodes: int = 0
    """How many nodes KWOK pretends; none, and pods stay pending."""
    qps: int = 500
    """Requests a second that controllers and scheduler allow themselves: their defaults would be what is measured."""
    stages: Path | None = None
    """What KWOK makes of pods, as its ``Stage`` objects, instead of its own stages."""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="flinktf-cluster-")))

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def __enter__(self) -> Self:
        self._bin = binaries()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        ports: frozenset[int] = frozenset()
        for _ in range(3):
            ports |= {free_port(ports)}
        client, peer, self._port = ports
        self._etcd = f"http://127.0.0.1:{client}"
        self._keys()
        self._start(
            "etcd",
            f"--data-dir={self.folder}/etcd --unsafe-no-fsync --listen-client-urls={self._etcd}"
            f" --advertise-client-urls={self._etcd} --listen-peer-urls=http://127.0.0.1:{peer}",
        )
        try:
            self.start_api_server()
            limits = f"--kubeconfig={self.kubeconfig} --kube-api-qps={self.qps} --kube-api-burst={2 * self.qps}"
            self._start(
                "kube-controller-manager",
                f"{limits} --leader-elect=false --service-account-private-key-file={self.folder}/sa.key"
                " --use-service-account-credentials=false --secure-port=0",
            )
            if self.nodes:
                self._start("kube-scheduler", f"{limits} --leader-elect=false --secure-port=0")
                self._pretend_nodes()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(self._processes):
            self._processes[name].kill()
        for process in self._processes.values():
            process.wait(10)

    def start_api_server(self) -> None:
        """Waits until it answers; also after :meth:`stop_api_server`, on the same address."""
        self._start(
            "kube-apiserver",
            f"--etcd-servers={self._etcd} --secure-port={self._port} --bind-address=127.0.0.1"
            f" --cert-dir={self.folder}/certificates --token-auth-file={self.folder}/tokens.csv"
            " --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16"
            f" --service-account-issuer=https://kubernetes.default.svc --service-account-key-file={self.folder}/sa.pub"
            f" --service-account-signing-key-file={self.folder}/sa.key",
        )
        deadline = time.monotonic() + _START
        while "ok" not in self.kubectl("get", "--raw", "/readyz", check=False):
            if self._processes["kube-apiserver"].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no API server: {(self.folder / 'kube-apiserver.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def stop_api_server(self) -> None:
        """As abruptly as a crash."""
        self._processes["kube-apiserver"].kill()
        self._processes["kube-apiserver"].wait(10)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        command = [str(self._bin / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def _keys(self) -> None:
        key, public = self.folder / "sa.key", self.folder / "sa.pub"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], capture_output=True, timeout=60, check=True)
        subprocess.run(
            ["openssl", "rsa", "-in", key, "-pubout", "-out", public], capture_output=True, timeout=60, check=True
        )
        (self.folder / "tokens.csv").write_text("administrator,administrator,administrator,system:masters\n")
        server = {"server": f"https://127.0.0.1:{self._port}", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": "test", "user": {"token": "administrator"}}],
        }
        self.kubeconfig.write_text(json.dumps(config))

    def _start(self, name: str, arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [self._bin / name, *arguments.split()],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )

    def _pretend_nodes(self) -> None:
        """Without other stages KWOK makes pods Running as soon as they are bound."""
        nodes = [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": f"kwok-{index}", "annotations": {"kwok.x-k8s.io/node": "fake"}},
                "status": {"allocatable": {"cpu": "64", "memory": "512Gi", "pods": "500"}},
            }
            for index in range(self.nodes)
        ]
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
        stages = f" --config={self.stages}" if self.stages is not None else ""
        self._start("kwok", f"--kubeconfig={self.kubeconfig} --manage-all-nodes=true --enable-crds={stages}")


if __name__ == "__main__":
    with ControlPlane(nodes=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as started:
        print(f"export KUBECONFIG={started.kubeconfig}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
