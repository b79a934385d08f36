"""From TensorFlow's functions and graphs to :class:`Graph`: a SavedModel's, a frozen graph's, and one built in code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from flinktf.models.errors import HalfWrittenError, ModelError, SignatureError, UnreadableModelError
from flinktf.models.files import SAVED_MODEL
from flinktf.models.model import Graph, Model
from flinktf.models.signature import Signature, TensorSpec

PREDICT: Final = "predict"
_EFFECTS: Final = frozenset({"Assert", "Const", "NoOp", "Placeholder", "PlaceholderWithDefault"})


def from_function(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Model:
    """A model of one signature, "predict", from Python code that takes tensors by name and is traced once.

    ``inputs`` has a ``tf.TensorSpec``, or dtype and shape ("float32", (None, 10)), for each argument. ``function``
    returns tensors by name, or one tensor, which is "output". Raises :class:`ModelError` when it cannot be traced.
    """
    return Model([traced(function, inputs)])


def traced(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Graph:
    """The same as a graph. ``function`` lives as long as it, and what it refers to: TensorFlow does not hold those."""
    import tensorflow as tf

    specs = {name: given if isinstance(given, tf.TensorSpec) else _made(*given) for name, given in inputs.items()}

    def called(tensors: Mapping[str, Any]) -> Any:  # one argument: names of tensors need not be names in Python
        result = function(**tensors)
        return dict(result) if isinstance(result, Mapping) else {"output": result}

    try:
        concrete = tf.function(called, autograph=False).get_concrete_function(specs)
    except Exception as error:  # whatever the code raises
        raise ModelError(f"the function cannot be made a graph: {type(error).__name__}: {error}") from error
    signature = Signature(
        PREDICT,
        tuple(_spec(name, spec) for name, spec in specs.items()),
        tuple(_spec(name, tensor) for name, tensor in concrete.structured_outputs.items()),
    )
    return Graph(signature, concrete, function)


def load_saved_model(folder: Path) -> list[Graph]:
    """All signatures of a SavedModel, of TensorFlow 1 or 2, or Keras.

    Raises :class:`HalfWrittenError`, :class:`UnreadableModelError`, and :class:`SignatureError` when it has none.
    """
    import tensorflow as tf

    if not (folder / "variables" / "variables.index").exists():
        _check_needs_no_variables(folder)
    try:
        loaded = tf.saved_model.load(str(folder))
    except (LookupError, tf.errors.OpError) as error:  # what TensorFlow makes of a checkpoint that ends too early
        raise HalfWrittenError(f"the variables of the SavedModel at {folder} cannot be read: {error}") from error
    except Exception as error:
        raise UnreadableModelError(f"the SavedModel at {folder} cannot be loaded: {error}") from error
    names = [name for name in loaded.signatures if not name.startswith("_")]
    if not names:
        raise SignatureError(f"the SavedModel at {folder} has no signatures; export it with some")
    return [_of_signature(name, loaded.signatures[name], loaded) for name in names]


def load_frozen(path: Path, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> Graph:
    """A frozen GraphDef as the signature "predict". Nodes are named as in the graph ("logits", or "logits:1").

    Raises :class:`UnreadableModelError`, and :class:`SignatureError` for a node that is not there.
    """
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own, which is no public name
        raise UnreadableModelError(f"{path} is no GraphDef: {error}") from None
    if loose := sorted(node.name for node in graph.node if node.op in {"Variable", "VariableV2", "VarHandleOp"}):
        raise UnreadableModelError(f"{path} is not frozen: it has the variables {', '.join(loose[:5])}")
    feeds = list(inputs or (node.name for node in graph.node if node.op == "Placeholder"))
    fetches = list(outputs or _ends(graph))
    if not fetches:
        raise UnreadableModelError(f"{path} has no node that could be an output")
    try:
        whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    except Exception as error:  # an op that is not there, a node that refers to none
        raise UnreadableModelError(f"{path} cannot be made a graph: {error}") from error
    feeding = {_plain(name): _tensor(whole.graph, name, path) for name in feeds}
    fetching = {_plain(name): _tensor(whole.graph, name, path) for name in fetches}
    try:
        pruned = whole.prune(list(feeding.values()), fetching)
    except Exception as error:  # an output that needs a placeholder that is no input
        raise SignatureError(f"the graph at {path} does not lead from {feeds} to {fetches}: {error}") from None
    signature = Signature(
        PREDICT,
        tuple(_spec(name, tensor) for name, tensor in feeding.items()),
        tuple(_spec(name, tensor) for name, tensor in fetching.items()),
    )
    return Graph(signature, lambda tensors: pruned(*(tensors[name] for name in feeding)), pruned)


def _of_signature(name: str, function: Any, loaded: Any) -> Graph:
    _, arguments = function.structured_input_signature
    outputs = function.structured_outputs
    signature = Signature(
        name,
        tuple(_spec(key, spec) for key, spec in arguments.items()),
        tuple(_spec(key, spec) for key, spec in outputs.items()),
    )
    return Graph(signature, lambda tensors: function(**tensors), loaded)


def _spec(name: str, tensor: Any) -> TensorSpec:
    """Of a ``tf.TensorSpec`` or a tensor of a graph."""
    shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return TensorSpec(name, tensor.dtype.base_dtype.name, shape)


def _made(dtype: Any, shape: Sequence[int | None]) -> Any:
    import tensorflow as tf

    return tf.TensorSpec(shape, dtype)


def _plain(name: str) -> str:
    return name.removesuffix(":0")


def _tensor(graph: Any, name: str, path: Path) -> Any:
    try:
        return graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
    except (KeyError, ValueError):
        raise SignatureError(f"the graph at {path} has no node {name!r}") from None


def _ends(graph: Any) -> list[str]:
    """The nodes that nobody consumes."""
    consumed = {source.lstrip("^").partition(":")[0] for node in graph.node for source in node.input}
    return [node.name for node in graph.node if node.name not in consumed and node.op not in _EFFECTS]


def _check_needs_no_variables(folder: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        saved = saved_model_pb2.SavedModel.FromString((folder / SAVED_MODEL).read_bytes())
    except Exception as error:  # protobuf's own, which is no public name
        raise UnreadableModelError(f"{folder / SAVED_MODEL} is no SavedModel: {error}") from None
    if any(graph.saver_def.restore_op_name for graph in saved.meta_graphs):
        raise HalfWrittenError(f"the SavedModel at {folder} lacks variables/variables.index")
