"""The Python of a role's processes, where the manifest brings more than the image has:

``python -m flinktf.agent.environment [--requirements FILE] [--archive FILE] --into FOLDER --control-fd N`` makes it,
and becomes the fork server in it. What it says, and why it fails, is in the log of the role's processes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

_LIMIT: Final = 1800
"""Seconds that pip may take."""


class EnvironmentFailed(Exception):
    """There is no such environment; the text says why, and what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="flinktf.agent.environment", description=__doc__)
    parser.add_argument(
        "--requirements", type=Path, help="a requirements file, which pip installs beside what is there"
    )
    parser.add_argument("--archive", type=Path, help="a packed environment: .zip, .tar, .tar.gz")
    parser.add_argument("--into", type=Path, required=True, help="the folder for both")
    arguments, rest = parser.parse_known_args()
    try:
        python = unpacked(arguments.archive, arguments.into) if arguments.archive else Path(sys.executable)
        if arguments.requirements:
            packages = installed(python, arguments.requirements, arguments.into)
            paths = [str(packages), *filter(None, [os.environ.get("PYTHONPATH")])]
            os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    except (EnvironmentFailed, OSError) as error:
        sys.exit(f"no environment for the role's processes: {error}")
    os.execv(python, [str(python), "-m", "flinktf.training.process", *rest])


def unpacked(archive: Path, into: Path) -> Path:
    """Unpacks an environment, unless it was already; its Python. Raises :class:`EnvironmentFailed`."""
    folder = _place(archive, into)
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        print(f"unpacking {archive.name}", flush=True)
        _unpack(archive, partial)
        partial.rename(folder)
        if (folder / "bin" / "conda-unpack").exists():  # its files name the place where they were made
            subprocess.run([folder / "bin" / "python", folder / "bin" / "conda-unpack"], check=True, timeout=_LIMIT)
    found = sorted(folder.glob("bin/python")) or sorted(folder.glob("*/bin/python"))
    if not found:
        raise EnvironmentFailed(f"{archive.name} has no bin/python: pack an environment with venv-pack or conda-pack")
    return found[0]


def installed(python: Path, requirements: Path, into: Path) -> Path:
    """Installs what a requirements file names, unless it was already; the folder. Raises :class:`EnvironmentFailed`.

    What the environment has keeps its version: TensorFlow would not work with another numpy.
    """
    folder = _place(requirements, into)
    if folder.exists():
        return folder
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    constraints = into / "constraints.txt"
    constraints.write_text(_versions(python))
    print(f"installing {requirements.name}", flush=True)
    options = ["--disable-pip-version-check", "--no-cache-dir", "--target", str(partial)]
    wanted = ["--constraint", str(constraints), "--requirement", requirements.name]
    done = subprocess.run(
        [str(python), "-m", "pip", "install", *options, *wanted],
        cwd=requirements.parent,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode:
        raise EnvironmentFailed(f"pip could not install {requirements.name}; what it said stands above")
    partial.rename(folder)
    return folder


def _versions(python: Path) -> str:
    """What an environment has, as constraints of pip. Raises :class:`EnvironmentFailed`."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "list", "--format", "freeze"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    if found.returncode:
        raise EnvironmentFailed(f"there is no pip in the environment, which installs: {found.stderr.strip()}")
    return "".join(line for line in found.stdout.splitlines(keepends=True) if not line.startswith("flinktf=="))


def _place(source: Path, into: Path) -> Path:
    """By content: another file is another environment. Raises :class:`EnvironmentFailed`."""
    try:
        with source.open("rb") as file:
            return into / hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise EnvironmentFailed(f"{source} cannot be read: {error.strerror}") from None


def _unpack(archive: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                file.extractall(folder)
            for program in folder.glob("**/bin/*"):  # a ZIP file does not say what may be run
                program.chmod(0o755)
        else:
            with tarfile.open(archive) as file:
                file.extractall(folder, filter="tar")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise EnvironmentFailed(f"{archive.name} is no .zip, .tar or .tar.gz file: {error}") from None


if __name__ == "__main__":
    main()
