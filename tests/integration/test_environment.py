"""A role's packages: from a requirements file, and from a packed environment."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from integration.harness import JobFolder, job_folder

TRAIN = """
    import sys

    def main(context):
        import greeting
        import tensorflow as tf
        context.notice(f"{greeting.TEXT} from {sys.prefix}, numpy of TensorFlow {tf.__version__}")
"""


def wheel(folder: Path) -> None:
    """A package of one module, which needs numpy, as pip takes it."""
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as file:
        file.writestr("greeting.py", "TEXT = 'hello'\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def folder(path: Path, **tensorflow: str) -> JobFolder:
    return job_folder(path, TRAIN, tensorflow={"strategy": "Independent", "entrypoint": "train:main", **tensorflow})


def test_requirements(tmp_path: Path) -> None:
    wheel(tmp_path)
    (tmp_path / "requirements.txt").write_text("--no-index\n--find-links .\ngreeting==1.0\n")
    run = folder(tmp_path, requirements="requirements.txt").run()
    assert run.code == 0, run.output
    assert "hello from" in run.output


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_a_packed_environment(tmp_path: Path, kind: str) -> None:
    """It finds TensorFlow where this one does: another copy of it would take minutes to pack."""
    env = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--copies", env], check=True, timeout=120)
    packages = env / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "more.pth").write_text(f"{sysconfig.get_path('purelib')}\n{Path(__file__).parents[2] / 'runtime'}\n")
    (packages / "greeting.py").write_text("TEXT = 'packed'\n")
    name = f"environment.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            for one in env.rglob("*"):
                if one.is_file():
                    file.write(one, one.relative_to(env))
    else:
        with tarfile.open(tmp_path / name, "w:gz") as file:
            file.add(env, ".")
    run = folder(tmp_path, packedEnvironment=name).run()
    assert run.code == 0, run.output
    assert re.search(r"packed from \S+/work/worker-0/environment/[0-9a-f]{16},", run.output), run.output


@pytest.mark.parametrize(
    ("tensorflow", "content", "told"),
    [
        ({"requirements": "requirements.txt"}, "--no-index\nno-such-package==1\n", "pip could not install"),
        (
            {"packedEnvironment": "environment.tar.gz"},
            "nonsense",
            "environment.tar.gz is no .zip, .tar or .tar.gz file",
        ),
    ],
)
def test_an_environment_that_cannot_be_made(
    tmp_path: Path, tensorflow: dict[str, str], content: str, told: str
) -> None:
    (file,) = tensorflow.values()
    (tmp_path / file).write_text(content)
    run = folder(tmp_path, **tensorflow).run()
    assert run.code == 1
    assert told in run.output
