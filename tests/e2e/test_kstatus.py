"""Recorded statuses as kstatus judges them: the library that Flux and `kubectl` plugins wait with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

GITOPS = Path(__file__).parents[1] / "gitops"
CACHE = Path(os.environ.get("FLINKTF_CACHE", Path.home() / ".cache" / "flinktf"))


@pytest.mark.timeout(600)
def test_kstatus_judges_recorded_statuses() -> None:
    go = shutil.which("go", path=f"{os.environ['PATH']}:/usr/local/go/bin")
    assert go is not None, "Go is missing (Debian: apt-get install golang-go)"
    judge = CACHE / "kstatus"
    subprocess.run([go, "build", "-o", judge, "."], cwd=GITOPS / "kstatus", check=True, timeout=500)
    files = sorted((GITOPS / "statuses").glob("*.yaml"))
    done = subprocess.run([judge, *files], check=True, capture_output=True, text=True, timeout=60)
    judged = {Path(file).stem: verdict for verdict, file in (line.split(" ", 1) for line in done.stdout.splitlines())}
    wanted = {file.stem: re.findall(r"^# kstatus: (\w+)$", file.read_text(), re.MULTILINE)[0] for file in files}
    assert judged == wanted
