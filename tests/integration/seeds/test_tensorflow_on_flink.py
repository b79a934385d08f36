"""TensorFlow on Flink (flink-ai-extended): the program of its slides, and its ML operator, under strategy Custom."""

from __future__ import annotations

import json
from pathlib import Path

from integration.seeds.programs import program_folder

RUN_MAIN = """
    import tensorflow.compat.v1 as tf
    from flinktf.flink import ml_operator
    from flinktf.flink.ml_operator import add_am_role, add_role, train

    def run_main(context):
        tf.disable_v2_behavior()
        tf_context = TFContext(context)
        cluster = tf_context.get_tf_cluster_config()
        job_name = tf_context.get_node_type()
        task_index = tf_context.get_index()
        if 'ps' == job_name:
            server = tf.train.Server(cluster, job_name=job_name, task_index=task_index)
            server.join()
        else:
            server = tf.train.Server(cluster, job_name=job_name, task_index=task_index)
            late = task_index == 1
            while late and not all(os.path.exists(tf_context.get_property('result') + other) for other in '02'):
                time.sleep(0.1)
            time.sleep(1 if late else 0)  # the others have left this function by then
            here = '/job:worker/task:%d' % task_index
            with tf.device(tf.train.replica_device_setter(worker_device=here, cluster=cluster)):
                w = tf.get_variable('w', (2, 2), tf.float32, initializer=tf.constant_initializer(2))
                b = tf.get_variable('b', (2, 2), tf.float32, initializer=tf.constant_initializer(5))
                addwb = w + b
                mutwb = w * b
                divwb = w / b
            with tf.Session(server.target) as session:
                session.run(tf.global_variables_initializer())
                found = [result.tolist() for result in session.run([addwb, mutwb, divwb])]
            with open(tf_context.get_property('result') + str(task_index), 'w') as file:
                json.dump({'found': found, 'device': w.device, 'rows': rows_of(tf_context)}, file)

    def rows_of(tf_context):
        if tf_context.runtime.recording is None:
            return 0
        return sum(1 for _ in tf_context.dataset().batches())

    RESULT = {'result': os.path.join(FOLDER, 'result-')}
"""
BATCH = """
    if __name__ == "__main__":
        stream_env = StreamExecutionEnvironment.get_execution_environment()
        train(3, 1, run_main, properties=RESULT, stream_env=stream_env, input_ds=None, output_row_type=None)
        stream_env.execute('batch')
"""
STREAM = """
    if __name__ == "__main__":
        stream_env = StreamExecutionEnvironment.get_execution_environment()
        t_env = StreamTableEnvironment.create(stream_env)
        input_ds = t_env.to_data_stream(t_env.from_elements([(x,) for x in range(96)], ['x']))
        train(3, 1, run_main, properties=RESULT, stream_env=stream_env, input_ds=input_ds, output_row_type=None)
        stream_env.execute('stream')
"""
OPERATOR = """
    def double(context):
        tf_context = TFContext(context)
        writer = tf_context.get_row_writer_to_flink()
        for batch in tf_context.dataset().batches():
            for x in batch['x']:
                writer.write(Row(x=x, y=2 * x))

    def count(context):
        tf_context = TFContext(context)
        with open(tf_context.get_property('result') + tf_context.get_node_type(), 'w') as file:
            json.dump(sum(len(batch['y']) for batch in tf_context.dataset().batches()), file)

    if __name__ == "__main__":
        env, t_env = tables()
        statement_set = t_env.create_statement_set()
        doubling = TFClusterConfig.new_builder().add_node_type('doubler', 2).set_node_entry(double).build()
        counting = TFClusterConfig.new_builder().add_node_type('counter', 1).set_node_entry(count) \\
            .set_property('result', RESULT['result']).build()
        add_am_role(statement_set, doubling)
        source = t_env.from_elements([(x,) for x in range(96)], ['x'])
        schema = Schema.new_builder().column('x', DataTypes.BIGINT()).column('y', DataTypes.BIGINT()).build()
        doubled = add_role(statement_set, 'doubler', doubling, source, schema)
        add_role(statement_set, 'counter', counting, doubled)
        statement_set.execute().wait()
"""
ROLES = [{"name": "worker", "replicas": 3}, {"name": "ps"}]
CUSTOM = {"strategy": "Custom"}


def results(folder: Path) -> list[dict[str, object]]:
    return [json.loads((folder / f"result-{index}").read_text()) for index in range(3)]


def test_batch_mode(tmp_path: Path) -> None:
    run = program_folder(tmp_path, RUN_MAIN, BATCH, tensorflow=CUSTOM, roles=ROLES).run()
    assert run.code == 0, run.output
    for found in results(tmp_path):
        assert found["found"] == [[[7.0] * 2] * 2, [[10.0] * 2] * 2, [[0.4000000059604645] * 2] * 2]
        assert "/job:ps" in str(found["device"])


def test_stream_training(tmp_path: Path) -> None:
    run = program_folder(tmp_path, RUN_MAIN, STREAM, tensorflow=CUSTOM, roles=ROLES).run()
    assert run.code == 0, run.output
    assert [found["rows"] for found in results(tmp_path)] == [1, 1, 1]


def test_roles_with_a_configuration_each_one_feeding_the_other(tmp_path: Path) -> None:
    roles = [{"name": "doubler", "replicas": 2}, {"name": "counter"}]
    run = program_folder(tmp_path, RUN_MAIN, OPERATOR, tensorflow={"strategy": "Independent"}, roles=roles).run()
    assert run.code == 0, run.output
    assert json.loads((tmp_path / "result-counter").read_text()) == 96
