"""A model that changes while it is used: new versions are loaded beside the old one, and take over between batches."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from flinktf.models.errors import ClosedError, ModelError, NoModelError
from flinktf.models.files import fingerprint
from flinktf.models.following import Refusal, kept, next_version, standing
from flinktf.models.sources import Source, Version

_LOG: Final = logging.getLogger(__name__)


class Servable(Protocol):
    """What is followed, such as a :class:`Predictor`. ``last`` is the last batch that went well, if any."""

    last: Any

    def warm_up(self, sample: Any) -> None:
        """Raises when this version is not to be taken."""
        ...

    def close(self) -> None: ...


S = TypeVar("S", bound=Servable)


@dataclass(frozen=True)
class Event:
    """``loaded``: it is in memory and warm, after ``seconds``. ``refused``: it was not taken, for ``reason``.
    ``swapped``: it is the current one, ``seconds`` after it was chosen. ``source``: nobody can tell what there is."""

    kind: Literal["loaded", "refused", "swapped", "source"]
    version: str | None
    seconds: float = 0.0
    reason: str = ""


class Current(NamedTuple, Generic[S]):
    """A version in use."""

    version: str
    model: S


@dataclass(eq=False)
class _Slot(Generic[S]):
    """A version in memory; ``users`` are batches under way."""

    version: Version
    model: S
    users: int = field(default=0)


class LiveModel(Generic[S]):
    """Follows a source: ``open`` makes of a version what is used, on a thread of its own.

    A version is loaded, warmed up, with the last batch as well, and then becomes current; batches that are under way
    end with the one that they began with. One that does not load, or is not fit, is refused: the one before goes on,
    and it is tried again when its files change, or when the reason may have passed. ``keep_old`` former versions stay
    in memory, for a quick way back. ``tell`` hears of all that on the same thread. ``every`` is in seconds.
    """

    def __init__(
        self,
        source: Source,
        open: Callable[[Version], S],
        *,
        keep_old: int = 1,
        every: float = 10.0,
        tell: Callable[[Event], None] = lambda event: _LOG.info("%s", event),
    ) -> None:
        self._source = source
        self._open = open
        self._keep_old = keep_old
        self._every = every
        self._tell = tell
        self._slots: dict[Version, _Slot[S]] = {}
        self._past: tuple[Version, ...] = ()
        self._current: _Slot[S] | None = None
        self._refused: dict[Version, Refusal] = {}
        self._told: dict[Version | None, str] = {}
        self._hopeless: Exception | None = None
        self._reason = ""
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._follow, name="flinktf-live-model", daemon=True)
        self._thread.start()

    @contextmanager
    def current(self) -> Iterator[Current[S]]:
        """The version to use for one batch; it stays open until the end of the ``with``.

        Raises :class:`NoModelError` before the first one is there, and :class:`ClosedError`.
        """
        with self._changed:
            slot = self._current
            if self._closed:
                raise ClosedError("the live model is closed")
            if slot is None:
                raise NoModelError("no version is loaded yet; call wait_first")
            slot.users += 1
        try:
            yield Current(slot.version.name, slot.model)
        finally:
            with self._changed:
                slot.users -= 1
                if slot is not self._current and slot.users == 0:
                    self._source.wake()  # its thread closes it: no batch waits for that
                    self._changed.notify_all()

    def wait_first(self, timeout: float) -> str:
        """Waits until a version is current, at most ``timeout`` seconds, and returns its name.

        Raises what was wrong with the version when all that are offered are refused for good, and
        :class:`NoModelError` in the end.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._current or self._hopeless or self._closed, timeout)
            if self._current is not None:
                return self._current.version.name
            if self._hopeless is not None:
                raise self._hopeless
            raise NoModelError(f"no version of the model was ready after {timeout:g} s: {self._reason or 'none there'}")

    def close(self) -> None:
        """Stops following, and closes all versions when no batch uses them. Not to be called by who uses one."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._source.wake()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self) -> None:
        while not self._closed:
            self._step()
            self._close_unused()
            self._source.wait(self._every)
        with self._changed:
            self._current, self._past = None, ()
            self._changed.wait_for(lambda: not any(slot.users for slot in self._slots.values()))
        self._close_unused()

    def _step(self) -> None:
        """Polls, and makes at most one version current; those that are refused meanwhile give way to the next."""
        try:
            candidates = list(self._source.poll())
        except Exception as error:  # SourceError, or whatever somebody else's source raises
            self._trouble(None, "source", error, 0.0)
            return
        self._told = {version: reason for version, reason in self._told.items() if version in candidates}
        self._refused = standing(self._refused, candidates, fingerprint)
        while not self._closed:
            current = self._current.version if self._current else None
            version = next_version(candidates, current, self._refused)
            if version is None or self._take(version):
                break
        with self._changed:
            alone = self._current is None and bool(self._refused)
            refusals = list(self._refused.values())
            self._hopeless = refusals[0].error if alone and not any(one.passing for one in refusals) else None
            self._changed.notify_all()

    def _take(self, version: Version) -> bool:
        """Makes a version current, or refuses it."""
        started = time.monotonic()
        slot = self._slots.get(version)
        if slot is None:
            files = fingerprint(version.path)
            try:
                slot = _Slot(version, self._opened(version))
            except Exception as error:  # whatever is wrong with it: the one before goes on
                passing = isinstance(error, ModelError) and error.passing
                self._refused[version] = Refusal(error, passing, files)
                self._trouble(version, "refused", error, time.monotonic() - started)
                return False
            self._say(Event("loaded", version.name, time.monotonic() - started))
        with self._changed:
            before, self._current = self._current, slot
            self._slots[version] = slot
            self._past = kept((before.version, *self._past) if before else (), version, self._keep_old)
        self._told.pop(version, None)
        self._say(Event("swapped", version.name, time.monotonic() - started))
        return True

    def _opened(self, version: Version) -> S:
        model = self._open(version)
        try:
            model.warm_up(self._current.model.last if self._current else None)
        except BaseException:
            model.close()
            raise
        return model

    def _close_unused(self) -> None:
        """Versions that are neither current nor kept, and that no batch uses."""
        with self._changed:
            held = {*self._past, *([self._current.version] if self._current else [])}
            unused = [slot for slot in self._slots.values() if slot.version not in held and slot.users == 0]
            for slot in unused:
                del self._slots[slot.version]
        for slot in unused:
            slot.model.close()

    def _trouble(
        self, version: Version | None, kind: Literal["refused", "source"], error: Exception, seconds: float
    ) -> None:
        """Told once for each reason: what is tried again and again would be told each time."""
        self._reason = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        if self._told.get(version) != self._reason:
            self._told[version] = self._reason
            self._say(Event(kind, version.name if version else None, seconds, self._reason))

    def _say(self, event: Event) -> None:
        try:
            self._tell(event)
        except Exception:  # who listens must not stop the model
            _LOG.exception("an event could not be told: %s", event)
