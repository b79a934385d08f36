"""Finds what a Flink process needs on this machine: Java, Flink's distribution, and flinktf's connector.

The distribution is the one inside the apache-flink-libraries wheel; nothing else is downloaded.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

JAVA_MAJOR: Final = 17
_CONNECTOR: Final = Path(__file__).parent.parent / "jars" / "flink-connector-tensorflow.jar"


class DistributionError(RuntimeError):
    """Something that Flink needs is not on this machine; the message says what and how to get it."""


@dataclass(frozen=True)
class Distribution:
    """``home`` holds bin/, lib/ and opt/; ``java_home`` is what to put into ``JAVA_HOME``."""

    home: Path
    java_home: Path
    connector: Path

    @property
    def jars(self) -> tuple[Path, ...]:
        """The class path of every Flink process of a job, the client's included."""
        # flink-python belongs to the class path, not to a job: PyFlink's thread mode loads its classes once a JVM.
        python = tuple(sorted((self.home / "opt").glob("flink-python-*.jar")))
        return (*sorted((self.home / "lib").glob("*.jar")), *python, self.connector)


def find() -> Distribution:
    """Looks for all three. Raises :class:`DistributionError`."""
    return Distribution(_flink_home(), _java_home(), _connector())


def _flink_home() -> Path:
    configured = os.environ.get("FLINK_HOME")
    if configured:
        home = Path(configured)
    else:
        spec = importlib.util.find_spec("pyflink")
        if spec is None or spec.origin is None:
            raise DistributionError("apache-flink is not installed; install flinktf[flink]")
        home = Path(spec.origin).parent
    if not (home / "bin" / "jobmanager.sh").exists():
        raise DistributionError(
            f"{home} holds no Flink distribution (no bin/jobmanager.sh); unset FLINK_HOME or mend it"
        )
    return home


def _java_home() -> Path:
    configured = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{configured}/bin") if configured else shutil.which("java")
    remedy = f"install a JDK {JAVA_MAJOR} (Debian: openjdk-{JAVA_MAJOR}-jdk) and put its bin/ on PATH or set JAVA_HOME"
    if java is None:
        where = f"JAVA_HOME={configured}" if configured else "PATH"
        raise DistributionError(f"Java was not found in {where}; {remedy}")
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DistributionError(f"{java} does not run: {error}; {remedy}") from None
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None:
        raise DistributionError(f"{java} -version says nothing of its version; {remedy}")
    if int(version[1]) != JAVA_MAJOR:
        raise DistributionError(f"{java} is Java {version[1]}, and Flink 2.3 here needs Java {JAVA_MAJOR}; {remedy}")
    return Path(java).resolve().parent.parent


def _connector() -> Path:
    if not _CONNECTOR.exists():
        raise DistributionError(f"{_CONNECTOR.name} is missing from this installation; in a checkout run: make setup")
    return _CONNECTOR
