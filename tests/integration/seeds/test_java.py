"""The Java programs of DL on Flink's documentation, their ``...`` filled in, with only their imports changed."""

from __future__ import annotations

import re
import subprocess
import textwrap
from pathlib import Path

import yaml

from flinktf.flink import distribution
from integration.harness import JobFolder
from integration.serving.models import save

MAIN = """
    import dev.flinktf.connector.client.TFClusterConfig;
    import dev.flinktf.connector.client.TFUtils;
    import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
    import org.apache.flink.table.api.*;
    import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

    class Main {
        public static void main(String[] args) {
            StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
            StreamTableEnvironment tEnv = StreamTableEnvironment.create(env);
            StatementSet statementSet = tEnv.createStatementSet();

            Table sourceTable = tEnv.sqlQuery("SELECT CAST(x AS FLOAT) AS x FROM (VALUES (1), (2), (3), (4)) AS t (x)");

            BODY
        }
    }
"""
TRAIN = """
            final TFClusterConfig config = TFClusterConfig.newBuilder()
                    .setPsCount(1)
                    .setWorkerCount(2)
                    .setPythonEntry("train.py", "train_entry")
                    .setProperty("input_types", "FLOAT_32")
                    .build();

            TFUtils.train(statementSet, sourceTable, config);
            statementSet.execute();
"""
INFERENCE = """
            final TFClusterConfig config =
                    TFClusterConfig.newBuilder()
                            .setWorldSize(2)
                            .setProperty("input_types", "FLOAT_32")
                            .setProperty("output_types", "FLOAT_32,FLOAT_32")
                            .setNodeEntry("inference.py", "inference_entry")
                            .build();

            Schema outputSchema =
                    Schema.newBuilder().column("x", DataTypes.FLOAT()).column("y", DataTypes.FLOAT()).build();

            Table output = TFUtils.inference(statementSet, sourceTable, config, outputSchema);
            statementSet.addInsert(TableDescriptor.forConnector("print").build(), output);
            try {
                statementSet.execute().await();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
"""
TRAIN_ENTRY = """
    import tensorflow as tf
    from flinktf.flink.tensorflow_context import TFContext

    def train_entry(context):
        tf_context = TFContext(context)
        if tf_context.get_node_type() == 'ps':
            tf.distribute.Server(tf_context.get_tf_cluster_config(), job_name='ps', task_index=0).join()
        rows = [float(line) for line in tf_context.get_tfdataset_from_flink()]
        tf_context.notice(f"{tf_context.get_node_type()} had {len(rows)} of {tf_context.get_node_type_count_map()}")
"""
INFERENCE_ENTRY = """
    import tensorflow as tf
    from flinktf.flink.tensorflow_context import TFContext
    from flinktf import Row

    def inference_entry(context):
        tf_context = TFContext(context)
        model = tf.saved_model.load('doubling').signatures['serving_default']

        dataset = tf_context.get_tfdataset_from_flink().map(
            lambda value: tf.io.decode_csv(value, record_defaults=[[0.]])).batch(1)

        writer = tf_context.get_row_writer_to_flink()
        for x_tensor, in dataset:
            y = model(x=x_tensor)['y'].numpy()[0]
            x_val = x_tensor.numpy()[0]
            writer.write(Row(x=x_val, y=y))
"""


def java_folder(path: Path, body: str, **spec: object) -> JobFolder:
    """A job whose program is a JAR, compiled here."""
    (path / "Main.java").write_text(textwrap.dedent(MAIN).replace("BODY", body))
    found = distribution.find()
    jars = ":".join(str(jar) for jar in found.jars)
    tools = found.java_home / "bin"
    subprocess.run([tools / "javac", "-cp", jars, "-d", path / "classes", path / "Main.java"], check=True, timeout=120)
    subprocess.run([tools / "jar", "cf", path / "job.jar", "-C", path / "classes", "."], check=True, timeout=60)
    manifest = {
        "apiVersion": "flinktf.dev/v1alpha1",
        "kind": "FlinkTFJob",
        "metadata": {"name": "job"},
        "spec": {"job": {"mainClass": "Main", "jars": ["job.jar"]}, **spec},
    }
    (path / "job.yaml").write_text(yaml.safe_dump(manifest))
    return JobFolder(path)


def test_training(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(textwrap.dedent(TRAIN_ENTRY))
    roles = [{"name": "ps"}, {"name": "worker", "replicas": 2}]
    run = java_folder(tmp_path, TRAIN, tensorflow={"strategy": "Custom"}, roles=roles).run()
    assert run.code == 0, run.output
    assert run.output.count("worker had 2 of {'worker': 2, 'ps': 1}") >= 2, run.output


def test_inference(tmp_path: Path) -> None:
    save(tmp_path / "doubling", 2.0)
    entry = textwrap.dedent(INFERENCE_ENTRY).replace("'doubling'", repr(str(tmp_path / "doubling")))
    (tmp_path / "inference.py").write_text(entry)
    roles = [{"name": "worker", "replicas": 2}]
    run = java_folder(tmp_path, INFERENCE, tensorflow={"strategy": "Independent"}, roles=roles).run()
    assert run.code == 0, run.output
    rows = re.findall(r"\+I\[([\d.]+), ([\d.]+)\]", run.log("taskmanager-pipeline-0"))
    assert {float(x): float(y) for x, y in rows} == {1.0: 2.0, 2.0: 4.0, 3.0: 6.0, 4.0: 8.0}
