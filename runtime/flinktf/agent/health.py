"""How a role process is doing, from its pulses: what it waits for, how fast it is, and since when nothing moves. Pure.

A process that waits for Flink, or for its peers, is well: however long that takes, it is not this one's fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

_WINDOW: Final = 10.0
"""Seconds over which shares and rates are averaged, older ones counting less and less."""
_SILENCE: Final = 5.0
"""Seconds without a pulse after which a process does not respond; there is one each second."""
_MOST: Final = 0.8
_HALF: Final = 0.5
"""Of its time: who waits for so much of it is said to wait, until it does for less than half of it."""


@dataclass(frozen=True)
class Pulse:
    """What a role process told last: ``waiting`` is what it waited for just then, the seconds are since its begin."""

    waiting: str | None
    records: float
    peers: float
    moves: int


@dataclass(frozen=True)
class Seen:
    """One look from outside; ``pulse_at`` is when the pulse came, ``stopped`` whether the kernel does not run it."""

    pulse: Pulse | None
    pulse_at: float
    phase: str
    step: int
    rows: int
    stopped: bool = False


@dataclass(frozen=True)
class Health:
    """``activity`` is empty before the first pulse; then Working, WaitingForRecords, WaitingForPeers, Unresponsive or
    Stopped. ``starvation`` is the share of its time that it waits for records, ``rate`` its steps a second, and
    ``moved_at`` when it last got something done, or had a reason not to."""

    activity: str = ""
    starvation: float = 0.0
    rate: float = 0.0
    moved_at: float = 0.0
    _held: float = 0.0
    _weight: float = 0.0
    _last: Seen | None = None
    _at: float = 0.0

    def stuck(self, now: float) -> float:
        """Seconds for which nothing has moved."""
        return now - self.moved_at if self.activity else 0.0

    def stalled(self, now: float, timeout: float) -> bool:
        """Whether it should be given up. A stopped process will not go on by itself: half of the time is enough."""
        return self.stuck(now) > (timeout / 2 if self.activity == "Stopped" else timeout)


def pulse_from(event: Mapping[str, Any]) -> Pulse:
    """Raises KeyError, TypeError or ValueError when the event is none."""
    waited = event["waited"]
    return Pulse(event["waiting"], float(waited["records"]), float(waited["peers"]), int(event["moves"]))


def look(before: Health, seen: Seen, now: float) -> Health:
    """The health after another look, some moments after the one before."""
    if seen.pulse is None:
        return before
    last = before._last
    if last is None or last.pulse is None:
        return Health("Working", moved_at=now, _last=seen, _at=now)
    health = before
    seconds = now - before._at
    if seconds >= 1.0:
        # An exponential moving average, exact from its first look on: what has not been seen has no weight.
        newer = 1 - math.exp(-seconds / _WINDOW)
        weight = newer + (1 - newer) * before._weight

        def average(old: float, new: float) -> float:
            return old + newer / weight * (max(new, 0.0) - old)

        health = replace(
            before,
            starvation=average(before.starvation, (seen.pulse.records - last.pulse.records) / seconds),
            rate=average(before.rate, (seen.step - last.step) / seconds),
            _held=average(before._held, (seen.pulse.peers - last.pulse.peers) / seconds),
            _weight=weight,
            _last=seen,
            _at=now,
        )
    silent = now - seen.pulse_at > _SILENCE
    activity = "Stopped" if seen.stopped else "Unresponsive" if silent else _waits(health)
    # A server works when it is asked: what it does between two questions is not its own to decide.
    excused = not (seen.stopped or silent) and (seen.pulse.waiting is not None or seen.phase == "serving")
    moved = (seen.phase, seen.step, seen.rows, seen.pulse.moves) != (last.phase, last.step, last.rows, last.pulse.moves)
    return replace(health, activity=activity, moved_at=now if excused or moved else health.moved_at)


def _waits(health: Health) -> str:
    for activity, share in (("WaitingForRecords", health.starvation), ("WaitingForPeers", health._held)):
        if share > _MOST or (share > _HALF and health.activity == activity):
            return activity
    return "Working"
