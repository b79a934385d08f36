"""What a manifest says about files of this machine: are they there, and do they hold what it names?"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from flinktf.api.load import FieldPath, LoadedManifest, Problem, line_of, path_text


def check_files(loaded: LoadedManifest) -> tuple[Problem, ...]:
    """The code and the places for results, looked at without running anything."""
    return tuple(
        Problem(path_text(path), message, remedy, value, line_of(loaded.lines, path))
        for path, value, message, remedy in _check(loaded)
    )


_Finding = tuple[FieldPath, str, str, str]


def _check(loaded: LoadedManifest) -> Iterator[_Finding]:
    spec, code = loaded.job.spec, loaded.code_path
    if not code.is_dir():
        yield ("spec", "code", "path"), str(code), "is not a folder", "name the folder of train.py"
        return
    if spec.job is not None:
        for field, file in (("python", spec.job.python), ("sql", spec.job.sql)):
            if file is not None:
                yield from _program(("spec", "job", field), code / file)
    entrypoints: dict[str, FieldPath] = {}
    for index, role in enumerate(spec.roles):
        if role.entrypoint is not None:
            entrypoints.setdefault(role.entrypoint, ("spec", "roles", index, "entrypoint"))
        elif (common := spec.resolved_entrypoint(role)) is not None:
            entrypoints.setdefault(common, ("spec", "tensorflow", "entrypoint"))
    for entrypoint, path in entrypoints.items():
        yield from _entrypoint(path, entrypoint, code)
    yield from _writable(("spec", "model", "path"), loaded.directory / spec.model.path)
    if spec.checkpoint is not None:
        yield from _writable(("spec", "checkpoint", "path"), loaded.directory / spec.checkpoint.path)


def _program(path: FieldPath, file: Path) -> Iterator[_Finding]:
    tree = _parsed(file) if file.suffix == ".py" else _read(file)
    if isinstance(tree, _Unreadable):
        yield path, str(file), tree.message, tree.remedy
    elif isinstance(tree, ast.Module) and "main" not in _names(tree):
        yield path, str(file), "defines no main", "write def main(job): … in it"


def _entrypoint(path: FieldPath, entrypoint: str, code: Path) -> Iterator[_Finding]:
    module, function = entrypoint.split(":")
    base = code.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    file = next((candidate for candidate in candidates if candidate.exists()), None)
    if file is None:
        yield path, entrypoint, f"there is no {candidates[0]}", "name a module below spec.code.path"
        return
    tree = _parsed(file)
    if isinstance(tree, _Unreadable):
        yield path, str(file), tree.message, tree.remedy
    elif function not in (names := _names(tree)):
        known = f"it has {', '.join(sorted(names)[:8])}" if names else "it defines nothing"
        yield path, entrypoint, f"{file.name} has no function {function!r}", known


class _Unreadable:
    def __init__(self, message: str, remedy: str) -> None:
        self.message = message
        self.remedy = remedy


def _read(file: Path) -> str | _Unreadable:
    try:
        return file.read_text()
    except FileNotFoundError:
        return _Unreadable("does not exist", "name a file below spec.code.path")
    except (OSError, UnicodeDecodeError) as error:
        return _Unreadable(f"cannot be read: {error}", "make it a readable text file")


def _parsed(file: Path) -> ast.Module | _Unreadable:
    text = _read(file)
    if isinstance(text, _Unreadable):
        return text
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        return _Unreadable(f"is not Python: line {getattr(error, 'lineno', '?')}: {error}", "mend it")


def _names(tree: ast.Module) -> set[str]:
    """What the module defines, or imports, at its top level."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return found


def _writable(path: FieldPath, target: Path) -> Iterator[_Finding]:
    existing = next(place for place in (target, *target.parents) if place.exists())
    if not existing.is_dir():
        yield path, str(target), f"cannot be made: {existing} is a file", "name a folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield path, str(target), f"cannot be made: {existing} may not be written to", "name another folder, or allow it"
