"""Which function a role runs: the manifest's, or what the job's program has put in its place."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from flinktf.flink.cluster_config import ClusterConfig, pickled, reference
from flinktf.protocol.program import Program
from flinktf.protocol.task import task_from_json
from flinktf.training.entrypoint import load_entrypoint
from flinktf.training.errors import EntrypointError
from flinktf.training.writer import Row
from unit.training.tasks import make_task


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def program(**entry: Any) -> dict[str, Any]:
    return {"program": Program(**entry)}


def pickle_of(value: object) -> str:
    return base64.b64encode(cloudpickle.dumps(value)).decode()


@pytest.mark.parametrize(
    ("entrypoint", "changes"),
    [
        ("script_a:main", {}),
        (None, program(reference="script_a:main")),
        ("no_such:thing", program(file="script_a.py", name="main")),
        ("no_such:thing", program(file="deep/script_g.py", name="main")),
        ("no_such:thing", program(pickled=pickle_of(lambda context: 7))),
        ("script_a:main", program(properties={"only": "properties"})),
    ],
)
def test_the_function_that_is_run(tmp_path: Path, entrypoint: str | None, changes: dict[str, Any]) -> None:
    (tmp_path / "script_a.py").write_text("def main(context): return 7\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "neighbour.py").write_text("seven = 7\n")
    (tmp_path / "deep" / "script_g.py").write_text("import neighbour\ndef main(context): return neighbour.seven\n")
    task = make_task(tmp_path, entrypoint, **changes)
    function = load_entrypoint(task_from_json(task.to_json()))
    assert function is not None
    assert function(None) == 7


def test_servers_of_a_parameter_server_strategy_have_none(tmp_path: Path) -> None:
    assert load_entrypoint(make_task(tmp_path, None, strategy="ParameterServer", role="ps")) is None


@pytest.mark.parametrize(
    ("entrypoint", "changes", "message"),
    [
        ("script_b", {}, "not of the form module:function"),
        ("script_c:main", {}, r"names the module 'script_c', which is not in .* \(script_b\)"),
        ("script_b:train", {}, "has no function 'train'"),
        ("script_b:number", {}, "is a int, not a function"),
        (None, {}, "nothing says what role worker runs"),
        (None, program(properties={}), "nothing says what role worker runs"),
        (None, program(file="script_c.py", name="main"), "no such Python file"),
        (None, program(file="script_b.py", name="main"), r"script_b.py has no function 'main'"),
        (None, program(pickled=pickle_of(7)), "is a int, not a function"),
    ],
)
def test_a_wrong_entrypoint_says_what_is_wrong(
    tmp_path: Path, entrypoint: str | None, changes: dict[str, Any], message: str
) -> None:
    (tmp_path / "script_b.py").write_text("number = 1\n")
    with pytest.raises(EntrypointError, match=message):
        load_entrypoint(make_task(tmp_path, entrypoint, **changes))


def test_what_the_module_itself_lacks_is_not_taken_for_a_wrong_entrypoint(tmp_path: Path) -> None:
    (tmp_path / "script_d.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        load_entrypoint(make_task(tmp_path, "script_d:main"))


def test_an_entry_writes_rows_of_pyflink_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function goes by value, and PyFlink's Row, which it names, is found to be ours."""
    module = _module(tmp_path, "uses_rows", "from pyflink.common import Row\ndef entry(context): return Row(x=1)\n")
    sent = pickled(module.entry)
    for name in [name for name in sys.modules if name.split(".")[0] == "pyflink"]:
        monkeypatch.delitem(sys.modules, name)
    del sys.modules["uses_rows"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    function = load_entrypoint(make_task(tmp_path, None, **program(pickled=sent)))
    assert function is not None
    assert isinstance(function(None), Row)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def entry(context): ...", "an_entry:entry"),
        ("import pyflink\ndef entry(context): ...", None),
        ("from pyflink.common import Row\ndef entry(context): ...", None),
        ("def make():\n  def entry(context): ...\n  return entry\nentry = make()", None),
        ("entry = lambda context: 7", None),
    ],
)
def test_what_a_role_can_import_goes_by_its_name(tmp_path: Path, source: str, expected: str | None) -> None:
    module = _module(tmp_path, "an_entry", source)
    assert reference(module.entry) == expected
    assert callable(cloudpickle.loads(base64.b64decode(pickled(module.entry))))


def test_a_function_that_cannot_go(tmp_path: Path) -> None:
    module = _module(tmp_path, "holds_on", "import socket\nsock = socket.socket()\nentry = lambda context: sock")
    with pytest.raises(ValueError, match="make inside it what it holds on to"):
        pickled(lambda context, sock=module.sock: sock)
    module.sock.close()


def test_the_builder() -> None:
    builder = ClusterConfig.new_builder().set_worker_count(2).set_ps_count(1).add_node_type("evaluator", 1)
    config = builder.set_property("a", "b").set_is_worker_zero_chief(True).set_node_entry("train:main").build()
    assert config.get_node_type_cnt_map() == {"worker": 2, "ps": 1, "evaluator": 1}
    assert config.get_properties() == {"a": "b", "tf_is_worker_zero_chief": "true"}
    assert config.to_builder().set_world_size(3).build().get_node_count("worker") == 3
    assert config.get_node_count("worker") == 2
    with pytest.raises(TypeError, match="is a int, neither a function"):
        builder.set_node_entry(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not of the form module:function"):
        builder.set_node_entry("train")
    with pytest.raises(ValueError, match="no nodes"):
        ClusterConfig.new_builder().build()


def _module(path: Path, name: str, source: str) -> Any:
    import importlib

    (path / f"{name}.py").write_text(source)
    sys.path.insert(0, str(path))
    importlib.invalidate_caches()
    return importlib.import_module(name)
