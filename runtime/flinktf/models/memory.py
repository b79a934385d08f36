"""How much memory a process may still take: of the machine, and of its container's limit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

from flinktf.models.errors import NotEnoughMemoryError

_CGROUPS: Final = Path("/sys/fs/cgroup")


def left(cgroups: Path = _CGROUPS) -> int:
    """Bytes. What the page cache holds counts as left: the kernel gives it up first."""
    limits = [
        psutil.virtual_memory().available,
        _left(cgroups, "memory.max", "memory.current", "inactive_file"),
        _left(cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ]
    return min(limit for limit in limits if limit is not None)


def check(path: Path, size: int) -> None:
    """Raises :class:`NotEnoughMemoryError` when a model of ``size`` bytes on disk has no room in memory."""
    room = left()
    if size > room:
        raise NotEnoughMemoryError(
            f"the model at {path} has {_text(size)} on disk, and this process has {_text(room)} of memory left; "
            "give it more, or keep fewer models in memory"
        )


def _left(folder: Path, limit: str, usage: str, cache: str) -> int | None:
    """None where this cgroup version is not in use, or sets no limit (v2 says "max")."""
    try:
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        used = int((folder / usage).read_text()) - int(stat.get(cache, 0))
        return max(0, int((folder / limit).read_text()) - used)
    except (OSError, ValueError):
        return None


def _text(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
