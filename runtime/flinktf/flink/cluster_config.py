"""What the roles of a job run, as the job's program says it: DL on Flink's ``TFClusterConfig``."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Final

from flinktf.flink.gateway import connector

NodeEntry = Callable[[Any], Any] | str
WORKER: Final = "worker"
PS: Final = "ps"


@dataclass(frozen=True)
class ClusterConfig:
    """How many nodes of each type there are, what they run, and properties for it: ``context.get_property(key)``.

    Node types are roles of the FlinkTFJob, with as many replicas. ``entry`` is a function of the context, also one that
    is defined in the program itself, or ``"module:function"``; without one, roles run what the manifest says.
    """

    node_types: dict[str, int] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    entry: NodeEntry | None = None

    @staticmethod
    def new_builder() -> Builder:
        return Builder()

    def to_builder(self) -> Builder:
        """A builder that begins with what this one says."""
        return Builder(self)

    def get_node_type_cnt_map(self) -> dict[str, int]:
        return dict(self.node_types)

    def get_node_count(self, node_type: str) -> int:
        return self.node_types[node_type]

    def get_properties(self) -> dict[str, str]:
        return dict(self.properties)

    def get_property(self, key: str) -> str:
        return self.properties[key]

    def to_java(self) -> Any:
        """The same for the connector: ``dev.flinktf.connector.client.TFClusterConfig``."""
        builder = connector().client.TFClusterConfig.newBuilder()
        for node_type, count in self.node_types.items():
            builder.addNodeType(node_type, count)
        for key, value in self.properties.items():
            builder.setProperty(key, value)
        named = self.entry if self.entry is None or isinstance(self.entry, str) else reference(self.entry)
        if named is not None:
            builder.setNodeEntry(named)
        elif callable(self.entry):
            builder.setPickledEntry(pickled(self.entry))
        return builder.build()


class Builder:
    """Builds a :class:`ClusterConfig`."""

    def __init__(self, config: ClusterConfig | None = None) -> None:
        self._config = config or ClusterConfig()

    def add_node_type(self, node_type: str, count: int) -> Builder:
        """So many nodes of a type: a role of the FlinkTFJob, and its replicas."""
        return self._with(node_types=self._config.node_types | {node_type: count})

    def set_worker_count(self, count: int) -> Builder:
        return self.add_node_type(WORKER, count)

    def set_world_size(self, count: int) -> Builder:
        """The same as :meth:`set_worker_count`."""
        return self.add_node_type(WORKER, count)

    def set_ps_count(self, count: int) -> Builder:
        return self.add_node_type(PS, count)

    def set_property(self, key: str, value: str) -> Builder:
        return self._with(properties=self._config.properties | {key: value})

    def set_is_worker_zero_chief(self, is_chief: bool) -> Builder:
        """As a property: with flinktf, worker 0 is the chief of a cluster that has none."""
        return self.set_property("tf_is_worker_zero_chief", str(is_chief).lower())

    def set_node_entry(self, entry: NodeEntry) -> Builder:
        """The function that every node runs. Raises TypeError for what is none."""
        if isinstance(entry, str):
            module, separator, function = entry.partition(":")
            if not (module and separator and function):
                raise ValueError(f"the node entry {entry!r} is not of the form module:function, like train:main")
        elif not callable(entry):
            raise TypeError(f"the node entry is a {type(entry).__name__}, neither a function nor 'module:function'")
        return self._with(entry=entry)

    def build(self) -> ClusterConfig:
        """Raises ValueError for a cluster without nodes."""
        if not self._config.node_types:
            raise ValueError("the cluster has no nodes: set_worker_count, set_world_size or add_node_type")
        return self._config

    def _with(self, **changes: Any) -> Builder:
        self._config = replace(self._config, **changes)
        return self


def reference(entry: Callable[[Any], Any]) -> str | None:
    """``module:function``, where a role process can import that; None for a function of the program itself, for one
    that is made inside another, and where the module needs PyFlink, which role processes do not have."""
    module = inspect.getmodule(entry)
    name = getattr(entry, "__qualname__", "")
    if module is None or module.__name__ == "__main__" or "." in name or getattr(module, name, None) is not entry:
        return None
    return None if _uses_pyflink(module) else f"{module.__name__}:{name}"


def pickled(entry: Callable[[Any], Any]) -> str:
    """The function by value, with what it refers to in its own module; base64. Raises ValueError where it cannot go."""
    import cloudpickle

    module = inspect.getmodule(entry)
    if module is not None and module.__name__ != "__main__" and _uses_pyflink(module):
        cloudpickle.register_pickle_by_value(module)
    try:
        return base64.b64encode(cloudpickle.dumps(entry)).decode()
    except Exception as error:
        raise ValueError(
            f"the node entry {getattr(entry, '__name__', entry)!r} cannot go to the role processes ({error}); put it "
            "into a module of its own, or make inside it what it holds on to"
        ) from error


def _uses_pyflink(module: ModuleType) -> bool:
    homes = (getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values())
    return any(str(home).split(".")[0] == "pyflink" for home in homes)
