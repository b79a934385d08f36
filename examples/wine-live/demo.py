"""The loop in about two minutes: a feed, a job that trains, one that predicts, versions from one to the other."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from broker import HERE, broker
from watch import lines

from flinktf.processes import die_with_parent

VERSIONS = 3
SECONDS_EACH = 8.0
PATIENCE = 300.0


def stage(folder: Path, address: str) -> Path:
    """A copy of the example, beside wine's data, whose jobs know where Kafka is."""
    shutil.copytree(HERE.parent / "wine", folder / "wine", ignore=shutil.ignore_patterns("model", "flinktf-runs"))
    copy = folder / HERE.name
    shutil.copytree(HERE, copy, symlinks=True, ignore=shutil.ignore_patterns("model", "checkpoints", "flinktf-runs"))
    for manifest in copy.glob("*.yaml"):
        manifest.write_text(manifest.read_text().replace("localhost:9092", address))
    return copy


@contextlib.contextmanager
def started(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program in the folder, which is asked to end when its time is over."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def run(folder: Path, manifest: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return started(folder, "-m", "flinktf.cli.main", "run", manifest)


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="flinktf-wine-live-") as folder,
        broker() as address,
        contextlib.ExitStack() as stack,
    ):
        copy = stage(Path(folder), address)
        say(f"Kafka listens on {address}; 50 bottles a second from now on")
        stack.enter_context(started(copy, "feed.py", address, "--rate", "50"))
        jobs = [stack.enter_context(run(copy, manifest)) for manifest in ("train.yaml", "predict.yaml")]
        answers = answered(address, jobs)
        seen: list[int] = []
        with started(copy, "announce.py", address):
            while len(seen) < VERSIONS:
                version = next(answers)
                if version is not None and version not in seen:
                    seen.append(version)
            show(answers, SECONDS_EACH)
        say(f"and back: announcing version {seen[0]}")
        with started(copy, "announce.py", address, "--version", str(seen[0])) as back:
            back.wait()
        while next(answers) != seen[0]:
            pass
        show(answers, SECONDS_EACH)
    say("that was it; everything is stopped")


def answered(address: str, jobs: list[subprocess.Popen[bytes]]) -> Iterator[int | None]:
    """Prints what watch.py does; the version that answers at the time. Raises when there will be no answers."""
    end = time.monotonic() + PATIENCE
    for version, line in lines(address):
        if any(job.poll() is not None for job in jobs) or time.monotonic() > end:
            raise SystemExit("the loop has come to a halt; what the jobs said is above")
        if version is not None:
            say(line)
        yield version


def show(answers: Iterator[int | None], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        next(answers)


def say(text: str) -> None:
    print(f"--- {text}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
