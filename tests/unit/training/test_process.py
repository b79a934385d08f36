import subprocess
import sys

import pytest

from flinktf.training.errors import EntrypointError
from flinktf.training.failures import describe
from flinktf.training.process import load_entrypoint


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_an_entrypoint_is_a_function_below_the_code_path(tmp_path):
    (tmp_path / "script_a.py").write_text("def main(context): return 7\n")
    assert load_entrypoint("script_a:main", str(tmp_path))(None) == 7


@pytest.mark.parametrize(
    ("entrypoint", "message"),
    [
        ("script_b", "not of the form module:function"),
        ("script_c:main", r"names the module 'script_c', which is not in .* \(script_b\)"),
        ("script_b:train", "has no function 'train'"),
        ("script_b:number", "is a int, not a function"),
    ],
)
def test_a_wrong_entrypoint_says_what_is_wrong(tmp_path, entrypoint, message):
    (tmp_path / "script_b.py").write_text("number = 1\n")
    with pytest.raises(EntrypointError, match=message):
        load_entrypoint(entrypoint, str(tmp_path))


def test_what_the_module_itself_lacks_is_not_taken_for_a_wrong_entrypoint(tmp_path):
    (tmp_path / "script_d.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        load_entrypoint("script_d:main", str(tmp_path))


def test_a_failure_begins_at_the_users_line(tmp_path):
    (tmp_path / "script_e.py").write_text("raise ValueError('mine')\n")
    with pytest.raises(ValueError, match="mine") as caught:
        load_entrypoint("script_e:main", str(tmp_path))
    error = caught.value
    error.__traceback__ = error.__traceback__.tb_next  # without this test's own frame
    failure = describe(error)
    assert (failure.type, failure.message) == ("ValueError", "mine")
    assert "script_e.py" in failure.traceback.splitlines()[1]
    assert "process.py" not in failure.traceback


def test_a_left_entrypoint_is_a_failure_with_its_code():
    assert describe(SystemExit(3)).message == "the entrypoint left with sys.exit(3)"


def test_the_package_is_light():
    code = "import sys, flinktf; dir(flinktf); print(sorted({'tensorflow', 'pyarrow', 'numpy'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
