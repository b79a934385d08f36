"""What the workers of train.yaml run: linear regression, in plain Keras, as it was written for DL on Flink 2."""

import json
import os

import tensorflow as tf

from flinktf.flink.tensorflow_context import TFContext


def train_entry(context):
    tf_context = TFContext(context)
    cluster = tf_context.get_tf_cluster_config()
    os.environ["TF_CONFIG"] = json.dumps(
        {"cluster": cluster, "task": {"type": tf_context.get_node_type(), "index": tf_context.get_index()}}
    )

    strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
    with strategy.scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,))])
        model.compile(optimizer=tf.keras.optimizers.SGD(0.5), loss="mse")

    def parse_csv(value):
        x, y = tf.io.decode_csv(value, record_defaults=[[0.0], [0.0]])
        return x, y

    dataset = tf_context.get_tfdataset_from_flink().map(parse_csv).batch(32)
    model.fit(dataset, epochs=int(tf_context.get_property("epochs")), verbose=2)

    weight, bias = (float(value) for value in model.get_weights())
    tf_context.notice(f"y = {weight:.2f} x + {bias:.2f}")
    tf_context.export(model)
