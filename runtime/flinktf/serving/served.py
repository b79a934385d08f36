"""The models that this process serves: each is opened by the first client that wants it, and closed with the last."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from flinktf import models
from flinktf.serving.announced import Announced
from flinktf.serving.batching import Answered, Batcher
from flinktf.serving.request import Request
from flinktf.training.entrypoint import by_reference

ANNOUNCED: Final = "announced:"
"""What paths begin with that are a name in the role's own stream of announcements."""

Tell = Callable[[str], None]

_KEEP: Final = 60.0


class Served:
    """One model for all clients that want the same of it."""

    def __init__(self, request: Request, source: models.Source, code_path: str, tell: Tell) -> None:
        self._request = request
        self._code_path = code_path
        self._live = models.LiveModel(source, self._open, every=request.options.poll, tell=lambda it: tell(_told(it)))
        self.batcher = Batcher(self._predict, request.options.max_rows, f"flinktf-{request.path[-20:]}")

    def wait(self) -> str:
        """Until there is a version; its name. Raises what was wrong with it."""
        return self._live.wait_first(self._request.options.load_timeout)

    def close(self) -> None:
        self.batcher.close()
        self._live.close()

    def _open(self, version: models.Version) -> models.Predictor:
        request, options = self._request, self._request.options
        return models.Predictor(
            models.load(version.path, signature=request.signature),
            request.inputs,
            request.outputs,
            converter=self._made(options.converter),
            result=self._made(options.result),
            not_finite=options.not_finite,
        )

    def _made(self, reference: str | None) -> Any:
        return None if reference is None else by_reference(reference, self._code_path)()

    def _predict(self, batch: pa.RecordBatch) -> Answered:
        with self._live.current() as (version, predictor):
            return Answered(*predictor.predict(batch), version)


@dataclass
class _Use:
    """``left`` is when its last client went, as time.monotonic()."""

    served: Served
    clients: int = field(default=0)
    left: float = field(default=0.0)


class Models:
    """Opens and closes them. ``storage`` is what relative paths are relative to. Safe in threads.

    A model is kept for ``keep`` seconds after its last client: a pipeline that begins again asks for it again, and one
    that could not wait until it was loaded will find it.
    """

    def __init__(self, storage: str, code_path: str, announced: Announced, tell: Tell, *, keep: float = _KEEP) -> None:
        self._storage = Path(storage)
        self._code_path = code_path
        self._announced = announced
        self._tell = tell
        self._keep = keep
        self._used: dict[object, _Use] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._used)

    @contextmanager
    def use(self, request: Request) -> Iterator[Served]:
        """The model for a client: another one that wants the same of it has the same."""
        key = (request.path, request.signature, request.options, str(request.inputs), str(request.outputs))
        with self._lock:
            use = self._used.get(key)
            if use is None:
                served = Served(request, self._source(request), self._code_path, self._tell)
                use = self._used[key] = _Use(served)
            use.clients += 1
        try:
            yield use.served
        finally:
            with self._lock:
                use.clients -= 1
                use.left = time.monotonic()
            later = threading.Timer(self._keep, self._close_unused, [key])
            later.daemon = True
            later.start()

    def _close_unused(self, key: object) -> None:
        """Closes a model that nobody has used since the moment for which this was called."""
        with self._lock:
            use = self._used.get(key)
            if use is None or use.clients or time.monotonic() - use.left < self._keep:
                return
            del self._used[key]
        use.served.close()

    def _source(self, request: Request) -> models.Source:
        path = request.path
        if path.startswith(ANNOUNCED):
            return self._announced.source(path.removeprefix(ANNOUNCED))
        if path.startswith(("http://", "https://")):
            return models.HttpEndpoint(path, folder=self._storage)
        folder = self._storage / path
        if _is_model(folder):
            fixed = models.Announcements()
            fixed.announce(folder.name, folder)
            return fixed
        return models.VersionedDirectory(folder)


def _is_model(path: Path) -> bool:
    """Whether a path is a model itself, and not a folder of versions, which may all be still to come."""
    if path.is_file():
        return True
    names = [child.name for child in path.iterdir()] if path.is_dir() else []
    return bool(names) and not any(name.isdecimal() for name in names)


def _told(event: models.Event) -> str:
    version = f"version {event.version}" if event.version is not None else "its versions"
    reason = f": {event.reason}" if event.reason else ""
    return f"model {version} {event.kind} after {event.seconds:.2f} s{reason}"
