"""An exception as the person who wrote ``train.py`` should see it: from their first line on."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_PACKAGE = str(Path(__file__).parent)
_LIMIT = 64 << 10
"""Characters of traceback and of message that are told; a FAILED frame may have 1 MiB."""


class Failure(NamedTuple):
    type: str
    message: str
    traceback: str


def describe(error: BaseException) -> Failure:
    """Type, message and the traceback without the frames of flinktf's own bootstrap before the user's first one."""
    trimmed = _user_frames(error.__traceback__)
    text = "".join(traceback.format_exception(type(error), error, trimmed))
    return Failure(type(error).__name__, _message(error)[:_LIMIT], text[-_LIMIT:])


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the entrypoint left with sys.exit({error.code!r})"
    return str(error)


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    """The frames from the first one outside flinktf and importlib on; all of them when there is none."""
    found = frames
    while found is not None and _is_bootstrap(found.tb_frame.f_code.co_filename):
        found = found.tb_next
    return found if found is not None else frames


def _is_bootstrap(filename: str) -> bool:
    return filename.startswith((_PACKAGE, "<frozen"))
