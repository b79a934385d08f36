"""The TensorFlow side of digits: the chief trains on two workers, the evaluator judges each checkpoint.

All roles run this file; `fit` knows what its role has to do.
"""

import tensorflow as tf

import flinktf

PIXELS = 64
DIGITS = 10


def main(context: flinktf.TFContext) -> None:
    images = context.dataset(
        features=["pixels"], label="label", batch_size=32, as_matrix=True, lengths={"pixels": PIXELS}
    )

    with context.strategy.scope():
        model = tf.keras.Sequential(
            [
                tf.keras.layers.Rescaling(1 / 16, input_shape=(PIXELS,)),
                tf.keras.layers.Dense(64, activation="relu"),
                tf.keras.layers.Dense(DIGITS, activation="softmax"),
            ]
        )
        model.compile(tf.keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])

    history = flinktf.fit(model, images, epochs=context.parameters["epochs"])
    if context.role == "evaluator":
        context.notice(f"accuracy on the held-out digits: {history.last.metrics['accuracy']:.3f}")
    context.export(model)
