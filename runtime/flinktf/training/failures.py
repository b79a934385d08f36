"""An exception as the person who wrote ``train.py`` should see it: from their first line on."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from flinktf.protocol.frames import ProtocolError
from flinktf.training.errors import TrainingError

_BOOTSTRAP = (str(Path(__file__).parent), importlib.__file__, "<frozen")
_LIMIT = 64 << 10
"""Characters of traceback and of message that are told; a FAILED frame may have 1 MiB."""


class Failure(NamedTuple):
    type: str
    message: str
    traceback: str


def describe(error: BaseException) -> Failure:
    """Type, message and the traceback without the frames of flinktf's own bootstrap before the user's first one."""
    text = "".join(traceback.format_exception(type(error), error, _user_frames(error)))
    return Failure(type(error).__name__, _message(error)[:_LIMIT], text[-_LIMIT:])


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the entrypoint left with sys.exit({error.code!r})"
    return str(error)


def _user_frames(error: BaseException) -> TracebackType | None:
    """The frames from the first one outside flinktf and importlib on.

    Without such a frame: none for an error that explains itself, all for one that must be a mistake of ours.
    """
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_BOOTSTRAP):
        found = found.tb_next
    if found is None and not isinstance(error, TrainingError | ProtocolError):
        return error.__traceback__
    return found
