"""Builds the Java connector when the wheel (or an editable installation) is built, and puts it inside the package."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROJECT = "runtime/flink-connector-tensorflow"
JAR = "flink-connector-tensorflow.jar"


class ConnectorBuildHook(BuildHookInterface[Any]):
    """Runs Maven, unless the jar there was built from the same sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        project = Path(self.root, PROJECT)
        jar = Path(self.root, "runtime/flinktf/jars", JAR)
        stamp = jar.with_suffix(".sources")
        digest = _digest(project)
        if jar.exists() and stamp.exists() and stamp.read_text() == digest:
            return
        maven = shutil.which("mvn")
        if maven is None:
            raise RuntimeError(
                "Maven 3.8 or newer is needed to build the Flink connector (Debian: apt-get install maven)"
            )
        subprocess.run([maven, "-B", "-q", "package", "-DskipTests"], cwd=project, check=True, timeout=900)
        jar.parent.mkdir(exist_ok=True)
        shutil.copyfile(project / "target" / JAR, jar)
        stamp.write_text(digest)


def _digest(project: Path) -> str:
    digest = hashlib.sha256()
    sources = [project / "pom.xml", *sorted((project / "src" / "main").rglob("*"))]
    for source in sources:
        if source.is_file():
            digest.update(str(source.relative_to(project)).encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()
