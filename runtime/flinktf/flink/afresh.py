"""How a Flink process starts: with an empty folder for what it leaves there when it is killed."""

from __future__ import annotations


def afresh(folder: str, command: list[str]) -> list[str]:
    """``command`` with ``folder`` made empty before: 30 MB of unpacked libraries, spilled records, blobs of the process
    that was there before would stay for as long as the pod, or the run."""
    return ["bash", "-c", 'rm -rf "$0" && mkdir -p "$0" && exec "$@"', folder, *command]
