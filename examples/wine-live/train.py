"""The TensorFlow side of train.yaml: one worker learns from each wine once, as it comes."""

import tensorflow as tf
from cultivars import NAMES

import flinktf

# Of the data set's own summary. The normalisation is part of the model: whoever asks it sends what was measured.
MEAN = [13.0, 2.34, 2.36, 19.5, 99.7, 2.29, 2.03, 0.36, 1.59, 5.1, 0.96, 2.61, 746.0]
DEVIATION = [0.8, 1.12, 0.27, 3.3, 14.3, 0.63, 1.00, 0.12, 0.57, 2.3, 0.23, 0.71, 315.0]


def main(context: flinktf.TFContext) -> None:
    wines = context.dataset(label="cultivar", batch_size=16, as_matrix=True)
    with context.strategy.scope():
        model = tf.keras.Sequential(
            [
                tf.keras.Input((len(MEAN),)),
                tf.keras.layers.Normalization(mean=MEAN, variance=[deviation**2 for deviation in DEVIATION]),
                tf.keras.layers.Dense(32, activation="relu"),
                tf.keras.layers.Dense(len(NAMES), activation="softmax"),
            ]
        )
        model.compile(tf.keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    flinktf.fit(model, wines)
