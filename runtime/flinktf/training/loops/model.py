"""A compiled Keras model of either generation, reduced to what the loops need from it.

Keras 3's own ``fit`` does not work under MultiWorkerMirrored and ParameterServer (TensorFlow 2.20), so the loops here
are ours; forward pass, loss, metrics and optimizer stay the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from flinktf.arrow import Array
from flinktf.training.errors import TrainingError
from flinktf.training.structure import Structure


def is_keras_3(model: Any) -> bool:
    """Which Keras a model is from. Raises :class:`TrainingError` for something that is no Keras model."""
    modules = {cls.__module__.split(".")[0] for cls in type(model).__mro__}
    if "tf_keras" in modules:
        return False
    if "keras" in modules:
        return True
    raise TrainingError(f"{type(model).__name__} is no Keras model; fit needs one, of tf_keras (Keras 2) or keras (3)")


class ModelAdapter:
    """Raises :class:`TrainingError` when the model is not compiled."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.keras_3 = is_keras_3(model)
        if getattr(model, "optimizer", None) is None or not (model.compiled if self.keras_3 else model._is_compiled):
            raise TrainingError("the model is not compiled: call model.compile(optimizer=…, loss=…) before fit")

    def build(self, structure: Structure) -> None:
        """Makes variables that the model and its optimizer would make at their first batch.

        TensorFlow allows no new ones within a distributed step.
        """
        if not self.model.built or not self.model.variables:
            x, *_ = as_tuple(structure.pack([tf.constant(a) for a in structure.zeros(1)]))
            self.model(x, training=False)
        self.build_optimizer()

    def build_optimizer(self) -> None:
        """Makes the optimizer's variables. Raises :class:`TrainingError` for a model whose inputs are not known yet."""
        if not self.model.built:
            raise TrainingError("the model has no input shape yet: begin it with an Input layer, or build it")
        build = getattr(self.model.optimizer, "build", None)
        if build is not None and not (self.keras_3 and self.model.optimizer.built):
            build(self.model.trainable_variables)

    def variables(self) -> list[tf.Variable]:
        """The model's and the optimizer's variables, in a fixed order."""
        optimizer = self.model.optimizer.variables
        own = model_variables(self.model)
        return _unique([*own, *_plain(optimizer() if callable(optimizer) else optimizer, self.keras_3)])

    def gradients(self, x: Any, y: Any, w: Any) -> tuple[tf.Tensor, list[Any], Any]:
        """The mean loss over the batch, its gradients, and the predictions."""
        with tf.GradientTape() as tape:
            loss, predictions = self.loss(x, y, w, training=True)
        return loss, tape.gradient(loss, self.trainable()), predictions

    def loss(self, x: Any, y: Any, w: Any, *, training: bool) -> tuple[tf.Tensor, Any]:
        """The compiled loss, with the model's own losses, as a mean over the rows of this batch alone."""
        predictions = self.model(x, training=training)
        if self.keras_3:
            loss = self.model.compute_loss(x=x, y=y, y_pred=predictions, sample_weight=w, training=training)
        else:
            loss = self.model.compute_loss(x, y, predictions, w)
        # both Kerases divide by the number of replicas, for optimizers that add up
        return tf.cast(loss, tf.float32) * float(tf.distribute.get_strategy().num_replicas_in_sync), predictions

    def trainable(self) -> list[tf.Variable]:
        variables = self.model.trainable_variables
        return [variable.value for variable in variables] if self.keras_3 else list(variables)

    def apply(self, gradients: Sequence[Any]) -> None:
        """Takes an optimizer step; under a strategy the optimizer adds up the replicas' gradients first."""
        if self.keras_3:
            self.model.optimizer.apply(list(gradients), self.model.trainable_variables)
        else:
            self.model.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))


def model_variables(model: Any) -> list[tf.Variable]:
    """Of the model alone, in its order, each once."""
    return _unique(_plain(model.variables, is_keras_3(model)))


def _plain(variables: Sequence[Any], keras_3: bool) -> list[tf.Variable]:
    return [getattr(variable, "value", variable) if keras_3 else variable for variable in variables]


def _unique(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    return list({id(variable): variable for variable in variables}.values())


def as_tuple(batch: Any) -> tuple[Any, Any, Any]:
    """A batch as ``(x, y, w)`` with None for what it lacks."""
    if not isinstance(batch, tuple):
        return batch, None, None
    padded = (*batch, None, None)
    return padded[0], padded[1], padded[2]


def scaled(gradients: Sequence[Any], scale: tf.Tensor) -> list[Any]:
    """Gradients times ``scale``; exactly zero where that is 0, whatever a batch that does not count gave."""

    def one(values: tf.Tensor) -> tf.Tensor:
        factor = tf.cast(scale, values.dtype)
        return tf.where(factor > 0, values * factor, tf.zeros_like(values))

    result: list[Any] = []
    for gradient in gradients:
        if isinstance(gradient, tf.IndexedSlices):
            gradient = tf.IndexedSlices(one(gradient.values), gradient.indices, gradient.dense_shape)  # noqa: PLW2901
        elif gradient is not None:
            gradient = one(gradient)  # noqa: PLW2901
        result.append(gradient)
    return result


def local_values(strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]) -> list[Array]:
    """This process's copy of each variable, without a collective: saving is one worker's business."""
    return [np.asarray(strategy.experimental_local_results(variable)[0]) for variable in variables]
