"""A role that only serves: a ps, or a worker under ParameterServer, whose steps the chief runs."""

from __future__ import annotations

from flinktf.training.feed import Feed, register
from flinktf.training.runtime import Runtime

_POLL_SECONDS = 0.2


def serve(runtime: Runtime) -> None:
    """Runs TensorFlow's server until the agent says stop. Raises what went wrong with this role's records."""
    import tensorflow as tf

    feed = Feed(runtime)
    register(feed)
    task = runtime.task
    runtime.control.phase("serving")
    tf.distribute.Server(
        tf.train.ClusterSpec(task.cluster), job_name=task.role, task_index=task.index, protocol="grpc", start=True
    )
    while not runtime.control.stop.wait(_POLL_SECONDS):
        feed.check()
        if runtime.recording is not None:
            runtime.progress.report(feed.steps, runtime.rows, {})
