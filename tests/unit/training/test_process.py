import subprocess
import sys

import pytest

from flinktf.training.entrypoint import load_entrypoint
from flinktf.training.failures import describe
from unit.training.tasks import make_task


def test_a_failure_begins_at_the_users_line(tmp_path, monkeypatch):
    (tmp_path / "script_e.py").write_text("raise ValueError('mine')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="mine") as caught:
        load_entrypoint(make_task(tmp_path, "script_e:main"))
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
