"""The jobs that have to be looked at: each at most once in the queue, and never by two workers at a time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_FIRST_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 300.0


class WorkQueue(Generic[K]):
    """As client-go's: what is added while it is being worked on comes again afterwards. For one event loop."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._working: dict[K, float] = {}
        self._again: set[K] = set()
        self._due: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K) -> None:
        """Now, or as soon as the worker that has it is done."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """In ``seconds``; the earlier of two wishes counts."""
        loop, known = asyncio.get_running_loop(), self._due.get(key)
        if known is not None and known.when() <= loop.time() + seconds:
            return
        if known is not None:
            known.cancel()
        self._due[key] = loop.call_later(seconds, self._ripen, key)

    def retry(self, key: K) -> float:
        """After a failure: later each time, up to five minutes. Returns the seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause: float = min(_FIRST_BACKOFF * 2 ** min(failures - 1, 30), _LONGEST_BACKOFF)
        pause *= random.uniform(0.8, 1.2)  # so that jobs that failed together do not come back together
        self.add_after(key, pause)
        return pause

    def forget(self, key: K) -> None:
        """The key's failures are over."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """Waits for the next key; :meth:`done` must follow."""
        key = await self._ready.get()
        self._waiting.remove(key)
        self._working[key] = time.monotonic()
        return key

    def done(self, key: K) -> None:
        del self._working[key]
        if key in self._again:
            self._again.remove(key)
            self.add(key)

    @property
    def depth(self) -> int:
        return self._ready.qsize()

    @property
    def longest(self) -> float:
        """Seconds that the oldest piece of work has been worked on."""
        return max((time.monotonic() - began for began in self._working.values()), default=0.0)

    def _ripen(self, key: K) -> None:
        del self._due[key]
        self.add(key)
