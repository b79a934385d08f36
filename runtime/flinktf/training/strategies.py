"""The TensorFlow distribution strategy of a role."""

from __future__ import annotations

import threading
import time
from typing import Any

from flinktf.ports import accepts
from flinktf.protocol.task import Task
from flinktf.training.errors import ClusterError

CONNECT_SECONDS = 300.0
"""How long a ParameterServer chief waits for its workers and ps; TensorFlow itself would wait for ever."""


def create_strategy(task: Task) -> Any:
    """The strategy for ``task``; TensorFlow's default one for a role with nothing to distribute.

    Raises :class:`ClusterError` when a ParameterServer chief does not reach a task of its cluster.
    """
    import tensorflow as tf

    if task.strategy == "MultiWorkerMirrored" and task.role in ("chief", "worker"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if task.strategy == "ParameterServer" and task.role == "chief":
        return _parameter_server(task)
    return tf.distribute.get_strategy()


def connect_deadline(task: Task) -> float:
    """Seconds; the parameter ``connectTimeout`` overrides :data:`CONNECT_SECONDS`."""
    return float(task.parameters.get("connectTimeout", CONNECT_SECONDS))


def _parameter_server(task: Task) -> Any:
    import tensorflow as tf

    seconds = connect_deadline(task)
    wait_for_servers(task.cluster, seconds)
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    made: list[Any] = []
    errors: list[BaseException] = []

    def make() -> None:
        try:
            made.append(tf.distribute.ParameterServerStrategy(resolver))
        except BaseException as error:  # raised again below, in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=make, name="flinktf-connect", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not made:
        raise ClusterError(
            f"TensorFlow did not connect to {_members(task.cluster)} within {seconds:.0f} s although their ports "
            "answer; a member has probably died while the cluster formed: look at the logs of workers and ps"
        )
    return made[0]


def wait_for_servers(cluster: dict[str, list[str]], seconds: float) -> None:
    """Blocks until every worker and ps accepts connections. Raises :class:`ClusterError` naming those that do not."""
    deadline = time.monotonic() + seconds
    missing = [(role, i, a) for role in ("ps", "worker") for i, a in enumerate(cluster.get(role, []))]
    while missing:
        missing = [member for member in missing if not accepts(member[2])]
        if missing and time.monotonic() > deadline:
            names = ", ".join(f"{role} {index} at {address}" for role, index, address in missing)
            raise ClusterError(f"no TensorFlow server answers within {seconds:.0f} s: {names}")
        if missing:
            time.sleep(0.1)


def _members(cluster: dict[str, list[str]]) -> str:
    return ", ".join(f"{role} {address}" for role in ("ps", "worker") for address in cluster.get(role, []))
