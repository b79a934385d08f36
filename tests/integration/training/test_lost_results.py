"""The results of steps whose worker dies while they are copied, with real TensorFlow servers."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from flinktf.ports import free_port

SERVER = """
    import json, sys
    import tensorflow as tf

    job, cluster = sys.argv[1], json.loads(sys.argv[2])
    server = tf.distribute.Server(cluster, job_name=job, task_index=0, protocol="grpc")
    print("serves", flush=True)
    server.join()
"""
CHIEF = """
    import json, os, subprocess, sys, threading, traceback
    import tensorflow as tf

    from flinktf.training.loops.parameter_server import fetched

    cluster = json.loads(sys.argv[1])

    def start(job):
        server = subprocess.Popen([sys.executable, "server.py", job, sys.argv[1]], stdout=subprocess.PIPE)
        assert server.stdout.readline() == b"serves\\n"
        return server

    def fails(what, kind):
        try:
            what()
        except tf.errors.OpError as error:
            assert isinstance(error, kind), (type(error), str(error))
        else:
            raise AssertionError("nothing was raised")

    servers = {job: start(job) for job in ("ps", "worker")}
    try:
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(cluster), rpc_layer="grpc", task_type="chief", task_id=0)
        strategy = tf.distribute.ParameterServerStrategy(resolver)
        coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        with strategy.scope():
            total = tf.Variable(0.0)

        @tf.function
        def step():
            total.assign_add(1.0)
            return tf.ones([100_000_000]), tf.constant(5.0)

        @tf.function
        def wrong():
            tf.debugging.assert_equal(total, -1.0, message="/job:worker/ is no reason")
            return total

        lost = coordinator.schedule(step)
        lost._get_values()  # they are on the worker now, and 400 MB are on their way
        servers["worker"].kill()
        servers["worker"].wait()
        fails(lost.fetch, tf.errors.UnavailableError)

        again = threading.Timer(1, lambda: servers.update(worker=start("worker")))
        again.start()
        assert fetched(lost, 60)[1] == 5.0
        assert total.numpy() == 2.0, total.numpy()
        again.join()

        fails(lambda: fetched(coordinator.schedule(wrong), 60), tf.errors.InvalidArgumentError)
        print("as expected", flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        for server in servers.values():
            server.kill()
        os._exit(0)  # a cluster without its servers would wait for them
"""


def test_a_result_that_is_lost_comes_from_the_step_that_is_taken_again(tmp_path: Path) -> None:
    cluster = {job: [f"127.0.0.1:{free_port()}"] for job in ("ps", "worker", "chief")}
    (tmp_path / "server.py").write_text(textwrap.dedent(SERVER))
    (tmp_path / "chief.py").write_text(textwrap.dedent(CHIEF))
    done = subprocess.run(
        [sys.executable, "chief.py", json.dumps(cluster)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["as expected"], done.stderr[-4000:]
