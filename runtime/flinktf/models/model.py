"""A loaded model: methods that take and give numpy arrays, made from its signatures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from flinktf.arrow import Array
from flinktf.models.errors import ClosedError, SignatureError
from flinktf.models.signature import Signature, check_inputs, default_signature

_PREDICT = "predict"


@dataclass(frozen=True)
class Graph:
    """A signature and the concrete function behind it: tensors by name to tensors by name. It is never traced again.

    ``keep`` is what must live as long as the function: TensorFlow frees variables and tables that nobody holds.
    """

    signature: Signature
    function: Callable[[dict[str, Any]], Mapping[str, Any]]
    keep: Any


class Method:
    """A signature that can be called. Safe in threads."""

    def __init__(self, model: Model, signature: Signature) -> None:
        self.signature = signature
        self._model = model

    def __call__(self, /, **inputs: Any) -> dict[str, Array]:
        """Arrays, tensors or lists by the names of the inputs, batch first; the outputs by name.

        Raises :class:`InputError`, :class:`DtypeError` or :class:`ShapeError` for what the signature does not take,
        :class:`ClosedError`, and what TensorFlow raises for values the model does not take.
        """
        return self.call(inputs, [spec.name for spec in self.signature.outputs])

    def call(self, inputs: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Array]:
        """Like a call, with the inputs in a mapping, and of the outputs only those that are wanted."""
        import tensorflow as tf

        graph = self._model.graph(self.signature.name)
        arrays = check_inputs(self.signature, inputs)
        outputs = graph.function({name: tf.convert_to_tensor(array) for name, array in arrays.items()})
        return {name: outputs[name].numpy() for name in wanted}

    def __repr__(self) -> str:
        return f"<{self.signature}>"


class Model:
    """A model in memory. ``model.predict(x=array)`` calls the signature of that name, and so for each signature; where
    there is none called "predict", it is the default one. Safe in threads.

    A signature with a name that is no attribute, or is one of this class, is reached by :meth:`method`.
    """

    def __init__(self, graphs: Collection[Graph], *, default: str | None = None) -> None:
        if default is not None:
            default_signature([graph.signature.name for graph in graphs], default)
        self._graphs: dict[str, Graph] | None = {graph.signature.name: graph for graph in graphs}
        self._default = default
        self.signatures: Mapping[str, Signature] = MappingProxyType(
            {name: graph.signature for name, graph in self._graphs.items()}
        )

    def method(self, name: str | None = None) -> Method:
        """The method of a signature, or the default one. Raises :class:`SignatureError` when there is none."""
        if name == _PREDICT and name not in self.signatures:
            name = None
        return Method(self, self.signatures[default_signature(self.signatures, name or self._default)])

    def graph(self, name: str) -> Graph:
        """What is behind a signature. Raises :class:`ClosedError` after :meth:`close`."""
        graphs = self._graphs
        if graphs is None:
            raise ClosedError(f"{name} was called on a model that is closed")
        return graphs[name]

    def close(self) -> None:
        """Lets go of the model; calls that run end well, later ones raise."""
        self._graphs = None

    def __getattr__(self, name: str) -> Method:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.method(name)
        except SignatureError as error:
            raise AttributeError(str(error)) from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.signatures, _PREDICT})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Model {'; '.join(map(str, self.signatures.values()))}>"
