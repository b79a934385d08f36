"""The programs of DL on Flink's documentation, their ``...`` filled in, with only the root of their imports changed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from integration.seeds.programs import program_folder

ROWS = 512
ENTRY = """
    import tensorflow as tf

    def train_entry(context):
        tf_context = TFContext(context)
        cluster = tf_context.get_tf_cluster_config()
        os.environ['TF_CONFIG'] = json.dumps({
            'cluster': cluster,
            'task': {'type': tf_context.get_node_type(),
                     'index': tf_context.get_index()}
        })

        strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
        with strategy.scope():
            model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,))])
            model.compile(optimizer=tf.keras.optimizers.SGD(0.5), loss='mse')

        def parse_csv(value):
            x, y = tf.io.decode_csv(value, record_defaults=[[0.], [0.]])
            return x, y

        dataset = tf_context.get_tfdataset_from_flink().map(parse_csv).batch(32)

        model.fit(dataset, epochs=10)
        weight, bias = (float(value) for value in model.get_weights())
        with open(tf_context.get_property('result') + str(tf_context.get_index()), 'w') as file:
            json.dump({'steps': int(model.optimizer.iterations.numpy()), 'weight': weight, 'bias': bias,
                       'nodes': tf_context.get_node_type_count_map()}, file)
"""
TRAIN = """
    if __name__ == '__main__':
        env, t_env = tables()
        statement_set = t_env.create_statement_set()

        source_table = numbers(t_env)
        config = TFClusterConfig.new_builder() \\
            .set_property('input_types', 'FLOAT_32,FLOAT_32') \\
            .set_property('result', os.path.join(FOLDER, 'result-')) \\
            .set_node_entry(train_entry) \\
            .set_worker_count(2) \\
            .build()

        tf_utils.train(statement_set, config, source_table, epoch=4)
        statement_set.execute().wait()
        print('the job is over')
"""
ESTIMATOR = """
    import tensorflow as tf
    from flinktf.flink.flink_ml.tf_estimator import TFEstimator, TFModel

    if __name__ == '__main__':
        env, t_env = tables()
        statement_set = t_env.create_statement_set()

        source_table = numbers(t_env, 4096)

        x = tf.keras.Input(shape=(1,), dtype=tf.float32, name='x')
        model = tf.keras.Model(inputs=[x], outputs=tf.keras.layers.Dense(1)(x))
        loss = tf.keras.losses.MeanSquaredError()
        adam = tf.keras.optimizers.Adam(0.2)

        estimator = TFEstimator(statement_set, model, loss, adam, worker_num=2,
                                feature_cols="x",
                                label_col="y", max_epochs=4,
                                batch_size=32)

        model = estimator.fit(source_table)

        model_path = os.path.join(FOLDER, 'linear')
        model.save(model_path)

        statement_set.execute().wait()
"""


def test_training(tmp_path: Path) -> None:
    run = program_folder(tmp_path, ENTRY, TRAIN).run()
    assert run.code == 0, run.output
    results = [json.loads((tmp_path / f"result-{index}").read_text()) for index in (0, 1)]
    assert results[0] == results[1]
    (found, _) = results
    # A batch is of all workers together; where the records end, Keras makes a step without any.
    assert 0 <= found["steps"] - 4 * ROWS / 32 <= 4
    assert found["nodes"] == {"worker": 2}
    assert (found["weight"], found["bias"]) == (pytest.approx(2, abs=0.3), pytest.approx(1, abs=0.3))
    assert "the job is over" in run.log("driver")


APPLY = """
    from flinktf.flink.flink_ml.tf_estimator import TFModel

    if __name__ == '__main__':
        env, t_env = tables()

        source_table = t_env.from_elements([(float(x),) for x in range(3)], ROW)

        model = TFModel.load(env, sys.argv[1])
        res_table = model.transform(source_table)[0]
        res_table.execute().print()
"""
INFERENCE = """
    import tensorflow as tf

    def inference_entry(context):
        tf_context = TFContext(context)
        model_save_path = tf_context.get_property('model_save_path')
        model = tf.keras.models.load_model(model_save_path)

        dataset = tf_context.get_tfdataset_from_flink().map(
            lambda value: tf.io.decode_csv(value, record_defaults=[[0.]])).batch(1)

        writer = tf_context.get_row_writer_to_flink()
        for x_tensor, in dataset:
            y = model.predict(x_tensor)[0][0]
            x_val = x_tensor.numpy()[0]
            writer.write(Row(x=x_val, y=y))

    if __name__ == '__main__':
        env, t_env = tables()
        statement_set = t_env.create_statement_set()

        source_table = t_env.from_elements([(float(x),) for x in range(4)], ROW)

        config = TFClusterConfig.new_builder() \\
            .set_world_size(2) \\
            .set_property('input_types', 'FLOAT_32') \\
            .set_property('output_types', 'FLOAT_32,FLOAT_32') \\
            .set_property('model_save_path', sys.argv[1]) \\
            .set_node_entry(inference_entry) \\
            .build()

        output_schema = Schema.new_builder().column('x', DataTypes.FLOAT()).column('y', DataTypes.FLOAT()).build()

        output = tf_utils.inference(statement_set, source_table, config, output_schema)
        statement_set.add_insert(TableDescriptor.for_connector('print').build(), output)
        statement_set.execute().wait()
"""


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an estimator has trained."""
    folder = tmp_path_factory.mktemp("estimator")
    run = program_folder(folder, ESTIMATOR).run()
    assert run.code == 0, run.output
    return folder / "linear"


def test_the_model_of_an_estimator_is_applied(tmp_path: Path, linear: Path) -> None:
    job = {"python": "job.py", "args": [str(linear)]}
    run = program_folder(tmp_path, APPLY, roles=[], tensorflow={"strategy": "Independent"}, job=job).run()
    assert run.code == 0, run.output
    rows = [line.split("|") for line in run.log("driver").splitlines() if line.startswith("| +I")]
    found = {float(x): float(y) for _, _, x, y, _ in rows}
    assert found == {x: pytest.approx(2 * x + 1, abs=0.2) for x in (0.0, 1.0, 2.0)}


def test_inference(tmp_path: Path, linear: Path) -> None:
    job = {"python": "job.py", "args": [str(linear / "saved_model")]}
    run = program_folder(tmp_path, INFERENCE, tensorflow={"strategy": "Independent"}, job=job).run()
    assert run.code == 0, run.output
    rows = re.findall(r"\+I\[([-0-9.E]+), ([-0-9.E]+)\]", run.log("taskmanager-pipeline-0"))
    assert {float(x): float(y) for x, y in rows} == {float(x): pytest.approx(2 * x + 1, abs=0.2) for x in range(4)}


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("statement_set.execute().wait()", "pass", "job.py ended without a job"),
        pytest.param(
            ".wait()",
            "; statement_set.execute()",
            "this program has submitted one already",
            marks=pytest.mark.long,
        ),
        ("tables()", "tables(); env.set_parallelism(3)", "has parallelism 3, and the pipeline has 1 slot(s)"),
    ],
)
def test_wrong_programs(tmp_path: Path, wrong: str, right: str, told: str) -> None:
    assert wrong in TRAIN
    entry = "\ndef train_entry(context): pass\n"
    run = program_folder(tmp_path, entry, TRAIN.replace(wrong, right)).run()
    assert run.code == 1
    assert told in run.output
