"""How an attempt can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flinktf.protocol.frames import FrameType


class AttemptFailedError(Exception):
    """The attempt cannot go on, for a reason outside of its TensorFlow process."""

    def __init__(self, kind: str, message: str, trace: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.failure = failure_of(kind, message, trace) | ({} if exit_code is None else {"exitCode": exit_code})


class SubtaskGoneError(Exception):
    """The subtask closed its connection: the attempt was cancelled."""


class AbortedError(Exception):
    """The coordinator ends the attempt for what happened elsewhere; ``final``: the job has failed."""

    def __init__(self, final: bool) -> None:
        super().__init__(final)
        self.final = final


class NothingToDoError(Exception):
    """The attempts before have done all there was to do."""


class StopOverdueError(Exception):
    """The role process was told to stop, and has not."""


@dataclass(frozen=True)
class End:
    """How an attempt has ended: for the coordinator, and the frame, if any, that its subtask still has to get.

    The subtask of a failed one hears of it when the coordinator has said what follows.
    """

    outcome: str
    failure: dict[str, Any] | None = None
    frame: FrameType | None = None
    payload: dict[str, Any] | None = None


def failure_of(kind: str, message: str, trace: str = "") -> dict[str, Any]:
    """As subtask and coordinator are told of one."""
    return {"type": kind, "message": message, "traceback": trace}
