"""How likely a click is, by the document's features and by its place: far down, good documents are clicked less too."""

import tensorflow as tf

import flinktf

FEATURES = ["text", "popularity", "age", "price", "place"]


def main(context: flinktf.TFContext) -> None:
    rows = context.dataset(features=FEATURES, label="clicked", batch_size=16, as_matrix=True)

    with context.strategy.scope():
        model = tf.keras.Sequential(
            [
                tf.keras.layers.Dense(32, activation="relu", input_shape=(len(FEATURES),)),
                tf.keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(tf.keras.optimizers.Adam(0.01), "binary_crossentropy")

    flinktf.fit(model, rows)
    context.export(model)
