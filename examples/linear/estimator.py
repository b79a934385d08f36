"""The same regression without a training script: an Estimator takes the model, its loss and its optimizer."""

import sys

import tensorflow as tf
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import DataTypes, Schema, StreamTableEnvironment, TableDescriptor

from flinktf.flink.flink_ml.tf_estimator import TFEstimator

if __name__ == "__main__":
    env = StreamExecutionEnvironment.get_execution_environment()
    t_env = StreamTableEnvironment.create(env)
    statement_set = t_env.create_statement_set()

    schema = Schema.new_builder().column("x", DataTypes.FLOAT()).column_by_expression("y", "2 * x + 1").build()
    source_table = t_env.from_descriptor(
        TableDescriptor.for_connector("datagen")
        .schema(schema)
        .option("number-of-rows", "4096")
        .option("fields.x.min", "0")
        .option("fields.x.max", "1")
        .build()
    )

    x = tf.keras.Input(shape=(1,), dtype=tf.float32, name="x")
    model = tf.keras.Model(inputs=[x], outputs=tf.keras.layers.Dense(1)(x))
    estimator = TFEstimator(
        statement_set,
        model,
        tf.keras.losses.MeanSquaredError(),
        tf.keras.optimizers.Adam(0.2),
        worker_num=2,
        feature_cols=["x"],
        label_col="y",
        max_epochs=4,
        batch_size=128,
    )

    model = estimator.fit(source_table)
    model.save(sys.argv[1])
    statement_set.execute().wait()
