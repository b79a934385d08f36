"""The Python function behind ``TFModel.transform``: a batch of rows at a time through the model's signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyflink.table.udf import FunctionContext, ScalarFunction

from flinktf import models

if TYPE_CHECKING:
    import pandas as pd


class Predict(ScalarFunction, models.ModelAware):  # type: ignore[misc]
    """``columns`` are the model's inputs by name, or side by side; ``wide`` says that the result is a DOUBLE."""

    def __init__(self, path: str, columns: tuple[str, ...], *, wide: bool) -> None:
        models.ModelAware.__init__(self, path)
        self._columns = columns
        self._result = pa.schema([("prediction", pa.float64() if wide else pa.float32())])
        self._predictor: models.Predictor | None = None

    def open(self, function_context: FunctionContext) -> None:
        self.open_model()

    def close(self) -> None:
        self.close_model()

    def eval(self, *columns: pd.Series[Any]) -> pd.Series[Any]:
        """Raises ValueError with the reason for a row that the model does not take."""
        arrays = [pa.Array.from_pandas(column) for column in columns]
        batch = pa.RecordBatch.from_arrays(arrays, names=list(self._columns))
        if self._predictor is None:
            self._predictor = models.Predictor(self.model, batch.schema, self._result)
        outputs, errors = self._predictor.predict(batch)
        if errors.null_count < len(errors):
            raise ValueError(f"the model does not take a row: {errors.drop_null()[0]}")
        return outputs.column(0).to_pandas()

    def __getstate__(self) -> dict[str, Any]:
        return {**models.ModelAware.__getstate__(self), "_predictor": None}
