"""Pre-processing that travels with a model: ``preprocessing.json`` beside a TensorFlow.js model.

.. code-block:: json

    {"columns": [
      {"name": "alcohol", "mean": 13.0, "std": 0.81},
      {"name": "proline", "min": 278, "max": 1680},
      {"name": "hue"},
      {"name": "colour", "vocabulary": ["red", "rose", "white"], "one_hot": true},
      {"name": "quality", "vocabulary": [3, 5, 8]}
    ]}

In their order the columns become the model's one input, ``[batch, width]``: ``(x - mean) / std``,
``(x - min) / (max - min)``, the value itself, one value for each word of the vocabulary, or the word's position in it.
The model then takes the columns: float32, or string or int64 where there is a vocabulary, each ``[batch]``. A value
that is not in its vocabulary is an error of its record. All of it is part of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from flinktf.models.errors import PreprocessingError
from flinktf.models.files import read_json
from flinktf.models.graphs import traced
from flinktf.models.keras_files import model_inputs, named_outputs
from flinktf.models.model import Graph

FILE: Final = "preprocessing.json"


@dataclass(frozen=True)
class Column:
    """One column as the file has it: scaled by mean and deviation, or by its range, or looked up, or as it is."""

    name: str
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    vocabulary: tuple[str, ...] | tuple[int, ...] = ()
    one_hot: bool = False

    def __post_init__(self) -> None:
        ways = [self.mean is not None or self.std is not None, self.min is not None or self.max is not None]
        if sum([*ways, bool(self.vocabulary)]) > 1:
            raise ValueError("it has more than one of mean and std, min and max, vocabulary")
        if ways[0] and not (self.mean is not None and self.std):
            raise ValueError("it needs both mean and std, and std is not 0")
        if ways[1] and not (self.min is not None and self.max is not None and self.max > self.min):
            raise ValueError("it needs both min and max, and max is larger")
        if self.one_hot and not self.vocabulary:
            raise ValueError("one_hot needs a vocabulary")
        if len({type(word) for word in self.vocabulary}) > 1 or len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("its vocabulary has different types, or a word twice")

    @property
    def dtype(self) -> str:
        if not self.vocabulary:
            return "float32"
        return "string" if isinstance(self.vocabulary[0], str) else "int64"

    @property
    def width(self) -> int:
        return len(self.vocabulary) if self.one_hot else 1


def read(path: Path) -> tuple[Column, ...]:
    """Raises :class:`PreprocessingError`, naming the column."""
    document = read_json(path)
    if set(document) != {"columns"} or not isinstance(document["columns"], list) or not document["columns"]:
        raise PreprocessingError(f'{path} wants {{"columns": [...]}} and nothing else')
    return tuple(_column(path, position, given) for position, given in enumerate(document["columns"]))


def preprocessed(model: Any, columns: tuple[Column, ...]) -> Graph:
    """A Keras model of one input as a graph that takes the columns.

    Raises :class:`PreprocessingError` when their widths do not add up to the input's.
    """
    import tensorflow as tf

    inputs = list(model_inputs(model).values())
    width = sum(column.width for column in columns)
    if len(inputs) != 1 or len(inputs[0].shape) != 2 or inputs[0].shape[1] not in (None, width):
        shapes = ", ".join(f"{tensor.name}: {list(tensor.shape)}" for tensor in inputs)
        raise PreprocessingError(f"{FILE} makes [batch, {width}] of its columns; the model takes {shapes}")
    dtype = tf.as_dtype(inputs[0].dtype)
    tables = {column.name: _table(column) for column in columns if column.vocabulary}

    def call(**tensors: Any) -> Any:
        parts = [_part(column, tensors[column.name], tables.get(column.name), dtype) for column in columns]
        return named_outputs(model, model(tf.concat(parts, axis=1), training=False))

    return traced(call, {column.name: (column.dtype, (None,)) for column in columns})


def _column(path: Path, position: int, given: Any) -> Column:
    known = {field.name for field in fields(Column)}
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not set(given) <= known:
        raise PreprocessingError(f"column {position} of {path} wants a name and some of {', '.join(sorted(known))}")
    try:
        return Column(**{**given, "vocabulary": tuple(given.get("vocabulary", ()))})
    except (ValueError, TypeError) as error:
        raise PreprocessingError(f"column {given['name']!r} of {path}: {error}") from None


def _table(column: Column) -> Any:
    import tensorflow as tf

    words = tf.constant(column.vocabulary, column.dtype)
    positions = tf.range(len(column.vocabulary), dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, positions), -1)


def _part(column: Column, values: Any, table: Any, dtype: Any) -> Any:
    """``[batch]`` as ``[batch, width]``."""
    import tensorflow as tf

    if table is None:
        scaled = tf.cast(values, dtype)
        if column.mean is not None:
            scaled = (scaled - column.mean) / column.std
        elif column.min is not None and column.max is not None:
            scaled = (scaled - column.min) / (column.max - column.min)
        return scaled[:, tf.newaxis]
    positions = table.lookup(values)
    message = f"column {column.name} has a value that is not in its vocabulary"
    with tf.control_dependencies([tf.debugging.assert_non_negative(positions, message)]):
        if column.one_hot:
            return tf.one_hot(positions, len(column.vocabulary), dtype=dtype)
        return tf.cast(positions, dtype)[:, tf.newaxis]
