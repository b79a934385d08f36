"""For Flink functions in Python that use a model: pickled without it, and it is loaded where the function runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flinktf.models.loading import load
from flinktf.models.model import Model


class ModelAware:
    """Beside ``MapFunction``, ``KeyedProcessFunction``, ``ScalarFunction`` and the like: call :meth:`open_model` in
    ``open``, :meth:`close_model` in ``close``, and ``self.model`` in between. ``options`` are those of :func:`load`.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        super().__init__()
        self._path = str(path)
        self._options = options
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """Raises RuntimeError outside of ``open`` and ``close``."""
        if self._model is None:
            raise RuntimeError("the model is not open; call self.open_model() in open()")
        return self._model

    def open_model(self) -> Model:
        """Raises a :class:`ModelError`, as :func:`load` does."""
        self._model = load(self._path, **self._options)
        return self._model

    def close_model(self) -> None:
        """Also when it was never opened: Flink closes functions whose ``open`` failed."""
        if self._model is not None:
            self._model.close()
            self._model = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}
