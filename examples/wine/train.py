"""The TensorFlow side of wine: two workers train one model together on the rows that Flink gives each of them."""

import tensorflow as tf

import flinktf

CULTIVARS = 3


def main(context: flinktf.TFContext) -> None:
    rows = context.dataset(label="cultivar", batch_size=16, as_matrix=True, shuffle=1000)
    train, held_out = rows.split(by="held_out")

    with context.strategy.scope():
        model = tf.keras.Sequential(
            [
                tf.keras.layers.Dense(32, activation="relu", input_shape=(13,)),
                tf.keras.layers.Dense(CULTIVARS, activation="softmax"),
            ]
        )
        model.compile(tf.keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

    history = flinktf.fit(model, train, epochs=context.parameters["epochs"], validation=held_out)
    if context.is_chief:
        context.notice(f"accuracy on the held-out wines: {history.last.validation['accuracy']:.3f}")
    context.export(model)
