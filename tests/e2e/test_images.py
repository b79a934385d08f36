"""The images as pods run them: without root, without a place to write but what is mounted, without tools."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VERSION = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]
IMAGES = ("operator", "flink", "tensorflow")


def run(image: str, *command: str) -> str:
    """In a container that may do as little as flinktf's pods may."""
    may = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"]
    may += ["--tmpfs", "/tmp:mode=1777", "--tmpfs", "/work:uid=10001"]
    name = f"flinktf/{image}:{VERSION}"
    done = subprocess.run(
        ["docker", "run", "--rm", *may, "--entrypoint", command[0], name, *command[1:]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    subprocess.run(["make", "images"], cwd=ROOT, timeout=2400, check=True)


@pytest.mark.parametrize(
    ("image", "command", "says"),
    [
        ("operator", "python -m flinktf_operator --help", "--namespaces"),
        ("flink", "python -m flinktf.flink.submitter --help", "--task-managers"),
        ("flink", "python -m flinktf.coordinator --help", "--token-file"),
        ("flink", "java -version", ""),
        ("tensorflow", "python -m flinktf.agent --help", "--spec"),
        ("tensorflow", "python -c 'import tensorflow as tf, tf_keras; print(tf.add(1, 2).numpy())'", "3"),
        ("tensorflow", "python -c 'import tensorflow as tf; tf.summary.create_file_writer(\"/tmp/x\"); print(1)'", "1"),
    ],
)
def test_it_runs_without_rights(image: str, command: str, says: str) -> None:
    assert says in run(image, "sh", "-c", command)


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_in_it_helps_an_intruder(image: str) -> None:
    assert run(image, "id", "-u").strip() == "10001"
    assert run(image, "sh", "-c", "find / -xdev -perm /6000 -type f 2>/dev/null || true") == ""
    # pip is what spec.tensorflow.requirements needs; it can write nowhere but below /work.
    pip = "" if image == "tensorflow" else "pip"
    assert run(image, "sh", "-c", f"for it in gcc cc make {pip} curl wget nc ssh; do command -v $it; done; true") == ""
    writable = "find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' 2>/dev/null || true"
    places = {re.sub(r"^(/[^/]+(/flinktf/job)?).*", r"\1", it) for it in run(image, "sh", "-c", writable).split()}
    assert places <= {"/tmp", "/work", "/data", "/opt/flinktf/job", "/var", "/run"}, places


@pytest.mark.parametrize("image", IMAGES)
def test_it_says_what_it_is(image: str) -> None:
    labels = inspect(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.title"] == f"flinktf/{image}"


@pytest.mark.parametrize("image", IMAGES)
def test_it_is_no_larger_than_the_page_says(image: str) -> None:
    told = re.search(rf"^\| `{image}` \| ([\d,]+) MB", (ROOT / "docs" / "images.md").read_text(), re.MULTILINE)
    assert told is not None
    layers = sum(_base_and_ours(image)[1:])
    assert layers <= int(told[1].replace(",", "")) * 1_000_000 * 1.02


def _base_and_ours(image: str) -> list[int]:
    """Bytes of each layer, the base image's first."""
    name = f"flinktf/{image}:{VERSION}"
    command = ["docker", "history", "--no-trunc", "--human=false", "--format", "{{.Size}}", name]
    sizes = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    return [int(size) for size in reversed(sizes)]


def inspect(image: str) -> dict[str, Any]:
    command = ["docker", "image", "inspect", f"flinktf/{image}:{VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found
