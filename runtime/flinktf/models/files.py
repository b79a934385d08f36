"""What is at a path, and whether it is all there. Nothing here needs TensorFlow."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from flinktf.models.errors import EmptyModelError, HalfWrittenError, ModelNotFoundError, UnreadableModelError


class Kind(StrEnum):
    """A form in which models are kept."""

    SAVED_MODEL = "saved_model"
    FROZEN_GRAPH = "frozen_graph"
    KERAS = "keras"
    TFJS = "tfjs"


@dataclass(frozen=True)
class Files:
    """A model on disk: a folder for a SavedModel and TensorFlow.js, else a file."""

    kind: Kind
    path: Path

    @property
    def size(self) -> int:
        """Bytes."""
        files = [self.path] if self.path.is_file() else [path for path in self.path.rglob("*") if path.is_file()]
        return sum(file.stat().st_size for file in files)


Fingerprint = tuple[tuple[str, int, int], ...]

SAVED_MODEL: Final = "saved_model.pb"
TFJS: Final = "model.json"
_BY_SUFFIX: Final = {".pb": Kind.FROZEN_GRAPH, ".keras": Kind.KERAS, ".h5": Kind.KERAS, ".hdf5": Kind.KERAS}
_BY_FILE: Final = {SAVED_MODEL: Kind.SAVED_MODEL, TFJS: Kind.TFJS}
_SHARD: Final = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")
_ITEM_SIZES: Final = {"bool": 1, "uint8": 1, "uint16": 2, "float16": 2, "float32": 4, "int32": 4, "complex64": 8}


def find(path: str | Path, kind: str | None = None) -> Files:
    """The model at ``path``, all of whose files are there as far as their names and lengths tell.

    Raises :class:`ModelNotFoundError`, :class:`EmptyModelError`, :class:`HalfWrittenError`, and
    :class:`UnreadableModelError` for what is no model, or not one of this ``kind``.
    """
    files = _recognised(Path(path))
    if kind is not None and files.kind != kind:
        raise UnreadableModelError(f"there is a {files.kind} at {path}, not a {Kind(kind)}")
    if files.kind is Kind.SAVED_MODEL:
        _check_variables(files.path)
    elif files.kind is Kind.TFJS:
        for group in read_json(files.path / TFJS).get("weightsManifest", []):
            check_shards(files.path, group)
    elif files.path.stat().st_size == 0:
        raise HalfWrittenError(f"{files.path} is empty")
    return files


def fingerprint(path: str | Path) -> Fingerprint:
    """Names, sizes and times of all that is at a path: when it is another one, something has changed."""
    root = Path(path)
    try:
        stats = [(str(file), file.stat()) for file in sorted([root, *root.rglob("*")])]
    except OSError:  # there is nothing, or it has just been renamed or deleted: another fingerprint follows
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def read_json(path: Path) -> dict[str, Any]:
    """Raises :class:`UnreadableModelError` for what is no JSON object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableModelError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise UnreadableModelError(f"{path} is no JSON object")
    return value


def check_shards(folder: Path, group: Mapping[str, Any]) -> None:
    """A group of a TensorFlow.js weights manifest. Raises :class:`HalfWrittenError`, naming the file that is missing
    or the number of bytes that are."""
    have = 0
    for name in group["paths"]:
        if not (folder / name).is_file():
            raise HalfWrittenError(f"the TensorFlow.js model at {folder} lacks its shard {name}")
        have += (folder / name).stat().st_size
    need = sum(_bytes(weight) for weight in group["weights"])
    if have < need:
        raise HalfWrittenError(f"the shards {', '.join(group['paths'])} at {folder} have {have} bytes of {need}")


def _bytes(weight: Mapping[str, Any]) -> int:
    """At least so many: strings have lengths of their own."""
    return int(math.prod(weight["shape"])) * _ITEM_SIZES.get(weight.get("quantization", weight)["dtype"], 0)


def _recognised(path: Path) -> Files:
    if not path.exists():
        raise ModelNotFoundError(f"there is no model at {path}")
    if path.is_file():
        if path.name in _BY_FILE:
            return Files(_BY_FILE[path.name], path.parent)
        if path.suffix in _BY_SUFFIX:
            return Files(_BY_SUFFIX[path.suffix], path)
        raise UnreadableModelError(f"{path} has none of the names {', '.join([*_BY_FILE, *_BY_SUFFIX])}")
    for name, kind in _BY_FILE.items():
        if (path / name).is_file():
            return Files(kind, path)
    models = [file for file in sorted(path.iterdir()) if file.suffix in _BY_SUFFIX and file.is_file()]
    if len(models) == 1:
        return Files(_BY_SUFFIX[models[0].suffix], models[0])
    raise _nothing(path, models)


def _nothing(path: Path, models: list[Path]) -> Exception:
    names = sorted(file.name for file in path.iterdir())
    numbers = sorted((name for name in names if name.isdecimal()), key=int)
    if not names:
        return EmptyModelError(f"the folder {path} is empty")
    if models:
        return UnreadableModelError(f"{path} has several models; name one: {', '.join(file.name for file in models)}")
    if "variables" in names or any(name.endswith((".bin", ".index")) for name in names):
        return HalfWrittenError(f"{path} has weights and no {SAVED_MODEL} or {TFJS}")
    if numbers:
        return UnreadableModelError(
            f"{path} has numbered versions; load {path / numbers[-1]}, or follow them with LiveModel"
        )
    return UnreadableModelError(f"there is no model at {path}; it has: {', '.join(names[:10])}")


def _check_variables(folder: Path) -> None:
    """The shards say in their names how many there are; whether a model without any wants some is seen in loading."""
    if (folder / SAVED_MODEL).stat().st_size == 0:
        raise HalfWrittenError(f"{folder / SAVED_MODEL} is empty")
    variables = folder / "variables"
    names = {file.name for file in variables.iterdir()} if variables.is_dir() else set()
    shards = [match for name in names if (match := _SHARD.fullmatch(name))]
    count = int(shards[0].group(2)) if shards else 0
    wanted = {f"variables.data-{shard:05}-of-{count:05}" for shard in range(count)}
    if names and "variables.index" in names and not shards:
        wanted = {"variables.data-00000-of-00001"}
    elif shards:
        wanted.add("variables.index")
    if missing := sorted(wanted - names):
        raise HalfWrittenError(f"the SavedModel at {folder} lacks variables/{', variables/'.join(missing)}")
