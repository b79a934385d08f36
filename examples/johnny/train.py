"""The model of the pictures: a small convolutional network, which is given pictures with values from 0 to 1."""

import tensorflow as tf

import flinktf

SIDE = 8
DIGITS = 10
BRIGHTEST = 16


def main(context: flinktf.TFContext) -> None:
    tf.keras.utils.set_random_seed(1)
    rows = context.dataset(
        features=["pixels"], label="label", batch_size=32, as_matrix=True, lengths={"pixels": SIDE * SIDE}, shuffle=2000
    )
    train, held_out = rows.split(by="held_out")

    picture = tf.keras.Input((SIDE, SIDE, 1), name="picture")
    hidden = tf.keras.layers.Conv2D(32, 3, activation="relu", padding="same")(picture)
    hidden = tf.keras.layers.Conv2D(64, 3, activation="relu", padding="same")(hidden)
    hidden = tf.keras.layers.Flatten()(tf.keras.layers.MaxPooling2D()(hidden))
    hidden = tf.keras.layers.Dense(128, activation="relu")(tf.keras.layers.Dropout(0.4)(hidden))
    namer = tf.keras.Model(picture, tf.keras.layers.Dense(DIGITS, activation="softmax")(hidden))

    # The scans come as rows of pixels; what is exported takes pictures, as johnny's camera sends them.
    pixels = tf.keras.Input((SIDE * SIDE,))
    model = tf.keras.Model(pixels, namer(tf.keras.layers.Reshape((SIDE, SIDE, 1))(pixels / BRIGHTEST)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    history = flinktf.fit(model, train, epochs=context.parameters["epochs"], validation=held_out)
    context.notice(f"accuracy on the held-out digits: {history.last.validation['accuracy']:.3f}")
    context.export(namer)
