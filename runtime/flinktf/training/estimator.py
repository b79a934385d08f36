"""What the roles of a ``TFEstimator`` run."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from flinktf.training.context import TFContext
from flinktf.training.errors import TrainingError
from flinktf.training.export import export
from flinktf.training.fit import fit


def train(context: TFContext) -> None:
    """Builds the model that the driver has sent, trains it on the columns that it named, and saves it."""
    columns = json.loads(context.get_property("feature_cols"))
    with context.strategy.scope():
        model = _model(context.get_property("model"), Path(context.get_property("initial_weights")))
    dataset = context.dataset(
        columns,
        context.get_property("label_col"),
        int(context.get_property("batch_size")),
        as_matrix=len(model.inputs) == 1 and len(model.inputs[0].shape) == 2,
    )
    fit(model, dataset, epochs=int(context.get_property("max_epochs")), context=context)
    export(model, context.get_property("model_save_path"), context=context)


def _model(packed: str, weights: Path) -> Any:
    import cloudpickle

    parts = cloudpickle.loads(base64.b64decode(packed))
    if parts["keras"] == "keras":
        import keras
    else:
        import tf_keras as keras
    model = keras.models.model_from_json(parts["architecture"])
    if not weights.exists():
        raise TrainingError(
            f"{weights} is not here: the path of model.save(path) must be one that the program and all roles can "
            "reach, on the volume of spec.storage"
        )
    with np.load(weights) as arrays:
        model.set_weights([arrays[name] for name in arrays.files])
    optimizer = parts["optimizer"]
    if not isinstance(optimizer, str):
        kind, config = optimizer
        optimizer = kind.from_config(config)
    model.compile(optimizer=optimizer, loss=parts["loss"])
    return model
