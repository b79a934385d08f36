"""Where versions of a model come from: a folder that grows, an address that is asked, or announcements."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flinktf.models.errors import ModelError, SourceError
from flinktf.models.files import find

_LARGEST: Final = 1 << 20


@dataclass(frozen=True)
class Version:
    """What people call a model ("7"), and the path to load it from."""

    name: str
    path: str

    def __str__(self) -> str:
        return f"version {self.name}"


class Source:
    """A place that versions come from. Each belongs to one :class:`LiveModel`."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def poll(self) -> Sequence[Version]:
        """What could be current now, the best one first. Raises :class:`SourceError` when nobody can tell."""
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        """Until it is time to poll again: after so many seconds, or earlier when something is known to be new."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """Ends the wait."""
        self._woken.set()


class VersionedDirectory(Source):
    """Numbered folders of models in one folder: TensorFlow Serving's layout, and that of ``spec.model.versions``.

    The highest number whose files are all there is the best. With ``pinned`` it is that one and no other; it may be
    set at any time.
    """

    def __init__(self, path: str | Path, *, pinned: int | None = None) -> None:
        super().__init__()
        self.pinned = pinned
        self._path = Path(path)

    def poll(self) -> Sequence[Version]:
        pinned = self.pinned
        if pinned is not None:
            return [Version(str(pinned), str(self._path / str(pinned)))]
        try:
            numbers = sorted((int(path.name) for path in self._path.iterdir() if path.name.isdecimal()), reverse=True)
        except OSError as error:
            raise SourceError(f"the versions in {self._path} cannot be read: {error}") from None
        return [Version(str(number), str(self._path / str(number))) for number in numbers if self._is_whole(number)]

    def _is_whole(self, number: int) -> bool:
        try:
            find(self._path / str(number))
        except ModelError as error:
            return not error.passing  # what will not pass is to be told as refused, not to be overlooked
        except OSError:  # deleted meanwhile
            return False
        return True


class HttpEndpoint(Source):
    """An address that answers ``{"version": "7", "path": "/models/wine/7"}``. It is asked with ``If-None-Match`` when
    its last answer had an ``ETag``, and may answer 304. ``timeout`` is in seconds; paths are relative to
    ``folder``."""

    def __init__(self, url: str, *, timeout: float = 5.0, folder: str | Path = ".") -> None:
        super().__init__()
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url} is no http:// or https:// address")
        self._url = url
        self._timeout = timeout
        self._folder = Path(folder)
        self._etag: str | None = None
        self._known: list[Version] = []

    def poll(self) -> Sequence[Version]:
        headers = {"Accept": "application/json"} | ({"If-None-Match": self._etag} if self._etag else {})
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self._url, headers=headers), timeout=self._timeout
            ) as answer:
                version = _version(answer.read(_LARGEST), self._folder)
                etag = answer.headers.get("ETag")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 304:
                return self._known
            raise SourceError(f"{self._url} answered {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{self._url} did not say which version there is: {error}") from None
        self._known, self._etag = [version], etag
        return self._known


class Announcements(Source):
    """Versions that are announced by code, for instance from a Flink stream. The last one announced is the best, also
    when its number is lower: that is how to roll back."""

    def __init__(self) -> None:
        super().__init__()
        self._last: list[Version] = []

    def announce(self, version: str | int, path: str | Path) -> None:
        """From any thread; it does not wait for the model."""
        self._last = [Version(str(version), str(path))]
        self.wake()

    def poll(self) -> Sequence[Version]:
        return self._last


def _version(body: bytes, folder: Path) -> Version:
    value = json.loads(body)
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise ValueError('the answer is no {"version": …, "path": …}')
    if not isinstance(value.get("version"), str | int):
        raise ValueError("the answer has no version")
    return Version(str(value["version"]), str(folder / value["path"]))
