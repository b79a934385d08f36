"""``TFEstimator`` and ``TFModel``: a Keras model that is trained on a table, and one that is applied to a table."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flinktf.flink.cluster_config import WORKER, ClusterConfig
from flinktf.flink.gateway import connector
from flinktf.flink.tf_utils import train

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import StatementSet, Table

ENTRY: Final = "flinktf.training.estimator:train"
_METADATA: Final = "flinktf-estimator.json"
_MODEL: Final = "saved_model"
_WEIGHTS: Final = "initial-weights.npz"


@dataclass(frozen=True)
class Trained:
    """What a saved model is applied with: columns, and the type of its prediction in SQL."""

    feature_cols: tuple[str, ...]
    label_col: str
    label_type: str


class TFEstimator:
    """Trains ``model``, a Keras model with one output, on a table: synchronously, on all workers of the FlinkTFJob.

    ``loss`` and ``optimizer`` are Keras' objects or their names; ``feature_cols`` a column or several, each an input of
    the model by its name, or, for a model with one input, its parts in order. ``cluster_config_properties`` are
    further properties of the ``TFClusterConfig``.
    """

    def __init__(
        self,
        statement_set: StatementSet,
        model: Any,
        loss: Any,
        optimizer: Any,
        worker_num: int,
        feature_cols: Sequence[str] | str,
        label_col: str,
        max_epochs: int = 1,
        batch_size: int | None = 32,
        cluster_config_properties: Mapping[str, str] | None = None,
    ) -> None:
        self._statement_set = statement_set
        self.model = model
        self._columns = (feature_cols,) if isinstance(feature_cols, str) else tuple(feature_cols)
        self._label = label_col
        self._epochs = max_epochs
        self._workers = worker_num
        self._properties = dict(cluster_config_properties or {}) | {
            "batch_size": str(batch_size or 32),
            "max_epochs": str(max_epochs),
            "feature_cols": json.dumps(self._columns),
            "label_col": label_col,
            "model": _packed(model, loss, optimizer),
        }

    def fit(self, *inputs: Table) -> TFModel:
        """The model to be: :meth:`TFModel.save` says where to, and the statement set's ``execute()`` trains it.

        Raises ValueError for more than one table, and for a column that the table lacks; TypeError for one that cannot
        become a tensor.
        """
        if len(inputs) != 1:
            raise ValueError(f"an estimator is fitted on one table; these are {len(inputs)}")
        (table,) = inputs
        types = _types(table, (*self._columns, self._label))
        return TFModel(Trained(self._columns, self._label, types[self._label]), fitting=(self, table))

    def train(self, table: Table, folder: Path) -> None:
        """Adds the training to the statement set: the model will be in ``folder``, beside its first weights."""
        weights = folder / _WEIGHTS
        np.savez(weights, *self.model.get_weights())
        builder = ClusterConfig.new_builder().add_node_type(WORKER, self._workers).set_node_entry(ENTRY)
        places = {"model_save_path": str(folder / _MODEL), "initial_weights": str(weights)}
        for key, value in (self._properties | places).items():
            builder.set_property(key, value)
        train(self._statement_set, builder.build(), table, self._epochs)


class TFModel:
    """A trained model, or one that is about to be."""

    def __init__(
        self, trained: Trained, *, path: str | None = None, fitting: tuple[TFEstimator, Table] | None = None
    ) -> None:
        self._trained = trained
        self._path = path
        self._fitting = fitting

    def save(self, path: str) -> None:
        """Adds the training to the statement set of the estimator: the model is at ``path`` when that job is over."""
        if self._fitting is None:
            raise ValueError(f"the model was loaded from {self._path}; copy that folder")
        estimator, table = self._fitting
        folder = Path(path).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _METADATA).write_text(json.dumps(asdict(self._trained)))
        estimator.train(table, folder)
        self._path = str(folder)

    @classmethod
    def load(cls, env: StreamExecutionEnvironment, path: str) -> TFModel:
        """Raises FileNotFoundError where no estimator's model is."""
        file = Path(path).absolute() / _METADATA
        if not file.exists():
            raise FileNotFoundError(f"{path} is no model of a TFEstimator: there is no {_METADATA} in it")
        value = json.loads(file.read_text())
        trained = Trained(tuple(value["feature_cols"]), value["label_col"], value["label_type"])
        return cls(trained, path=str(file.parent))

    def transform(self, *inputs: Table) -> list[Table]:
        """The table with one column more, named as the label was, ``prediction`` where it has that column itself.

        The model runs where the Python functions of the pipeline run, a batch of rows at a time. Raises ValueError
        before the model is saved, and for a column that the table lacks.
        """
        from pyflink.table.expressions import col
        from pyflink.table.udf import udf

        from flinktf.flink.flink_ml.predict import Predict

        if self._path is None:
            raise ValueError("the model has no place yet: save(path) it, and execute the statement set first")
        (table,) = inputs
        types = _types(table, self._trained.feature_cols)
        wide = self._trained.label_type == "DOUBLE"
        function = Predict(str(Path(self._path, _MODEL)), self._trained.feature_cols, wide=wide)
        predict = udf(function, result_type="DOUBLE" if wide else "FLOAT", func_type="pandas")
        name = self._trained.label_col if self._trained.label_col not in types else "prediction"
        return [table.add_columns(predict(*map(col, self._trained.feature_cols)).alias(name))]


def _types(table: Table, wanted: Iterable[str]) -> dict[str, str]:
    """All columns and their types in SQL. Raises ValueError where a wanted one is not among them, and TypeError for one
    that has no name in DL on Flink's list."""
    names = connector().client.TensorType
    found = {}
    for column in table._j_table.getResolvedSchema().getColumns():
        kind = column.getDataType().getLogicalType()
        try:
            names.of(column.getName(), kind)
        except Exception as error:
            raise TypeError(str(getattr(error, "java_exception", error))) from None
        found[str(column.getName())] = str(kind.copy(True).asSerializableString())
    for name in wanted:
        if name not in found:
            raise ValueError(f"the table has no column {name!r}; it has {', '.join(map(repr, found))}")
    return found


def _packed(model: Any, loss: Any, optimizer: Any) -> str:
    """Architecture, loss and optimizer; the weights go by a file, for there may be many."""
    import cloudpickle

    parts = {
        "keras": "tf_keras" if any(kind.__module__.startswith("tf_keras") for kind in type(model).__mro__) else "keras",
        "architecture": model.to_json(),
        "loss": loss,
        "optimizer": optimizer if isinstance(optimizer, str) else (type(optimizer), optimizer.get_config()),
    }
    return base64.b64encode(cloudpickle.dumps(parts)).decode()
