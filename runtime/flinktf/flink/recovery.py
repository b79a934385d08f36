"""Which checkpoint a job begins from: the one that was told last may be gone by then.

Flink deletes a checkpoint when the next one is complete. Whoever tells of checkpoints is a moment behind, and longer
when it was away: what it has told is then the name of the folder that the newest one is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

_METADATA: Final = "_metadata"
"""Flink's last file of a checkpoint: with it, the checkpoint is complete."""
_CHECKPOINT: Final = re.compile(r"chk-(\d+)")


def newest(names: Iterable[str]) -> str | None:
    """The checkpoint with the highest number among the names in a job's folder. Pure."""
    found = [name for name in names if _CHECKPOINT.fullmatch(name)]
    return max(found, key=lambda name: int(name.removeprefix("chk-")), default=None)


def still_there(told: str, configuration: Any) -> str:
    """``told`` itself, or where it is gone the newest complete checkpoint beside it.

    What cannot be looked at is left as it is: the JobManager says what is wrong with it. ``configuration`` is Flink's.
    """
    from py4j.protocol import Py4JJavaError
    from pyflink.java_gateway import get_gateway

    flink = get_gateway().jvm.org.apache.flink.core
    try:
        plugins = flink.plugin.PluginUtils.createPluginManagerFromRootFolder(configuration)
        flink.fs.FileSystem.initialize(configuration, plugins)
        path = flink.fs.Path(told)
        files, folder = path.getFileSystem(), path.getParent()
        if _CHECKPOINT.fullmatch(path.getName()) is None or files.exists(flink.fs.Path(path, _METADATA)):
            return told
        names = [str(entry.getPath().getName()) for entry in files.listStatus(folder)]
        complete = [name for name in names if files.exists(flink.fs.Path(flink.fs.Path(folder, name), _METADATA))]
        found = newest(complete)
        return str(flink.fs.Path(folder, found)) if found is not None else told
    except Py4JJavaError as error:
        print(f"{told} cannot be looked at: {error.java_exception}", flush=True)
        return told
