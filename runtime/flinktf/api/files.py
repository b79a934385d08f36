"""What a manifest says about files of this machine: are they there, and do they hold what it names?"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from flinktf.api.job import SERVE
from flinktf.api.load import LoadedManifest
from flinktf.api.problems import FieldPath, Problem, line_of, path_text, shown

_Finding = tuple[FieldPath, str, str, str]
"""Path, value, message, remedy."""


def check_files(loaded: LoadedManifest) -> tuple[Problem, ...]:
    """The code and the places for results, looked at without running anything."""
    return tuple(
        Problem(path_text(path), message, remedy, shown(value, path), line_of(loaded.lines, path))
        for path, value, message, remedy in _check(loaded)
    )


def _check(loaded: LoadedManifest) -> Iterator[_Finding]:
    spec, code = loaded.job.spec, loaded.code_path
    if _exists(code) and code.is_dir():
        yield from _programs(loaded)
    else:
        yield ("spec", "code", "path"), str(code), "is not a folder", "name the folder of train.py"
    yield from _writable(("spec", "model", "path"), loaded.directory, spec.model.path)
    if spec.checkpoint is not None:
        yield from _writable(("spec", "checkpoint", "path"), loaded.directory, spec.checkpoint.path)


def _programs(loaded: LoadedManifest) -> Iterator[_Finding]:
    spec, code = loaded.job.spec, loaded.code_path
    if spec.job is not None and spec.job.python is not None:
        yield from _pipeline(("spec", "job", "python"), code / spec.job.python)
    for index, jar in enumerate(spec.job.jars if spec.job is not None else ()):
        if not (code / jar).is_file():
            path: FieldPath = ("spec", "job", "jars", index)
            yield path, str(code / jar), "does not exist", "name a JAR below spec.code.path"
    if spec.job is not None and spec.job.sql is not None:
        statements = _read(code / spec.job.sql)
        if isinstance(statements, _Unusable):
            yield ("spec", "job", "sql"), str(code / spec.job.sql), statements.message, statements.remedy
    brought = {
        "requirements": spec.tensorflow.requirements,
        "packedEnvironment": spec.tensorflow.packed_environment,
    }
    for name, file in brought.items():
        if file is not None and not (code / file).is_file():
            yield ("spec", "tensorflow", name), str(code / file), "does not exist", "name a file below spec.code.path"
    entrypoints: dict[str, FieldPath] = {}
    for index, role in enumerate(spec.roles):
        if role.entrypoint is not None:
            entrypoints.setdefault(role.entrypoint, ("spec", "roles", index, "entrypoint"))
        elif (common := spec.resolved_entrypoint(role)) is not None:
            entrypoints.setdefault(common, ("spec", "tensorflow", "entrypoint"))
    for entrypoint, path in entrypoints.items():
        if entrypoint != SERVE:
            yield from _entrypoint(path, entrypoint, code)


def _pipeline(path: FieldPath, file: Path) -> Iterator[_Finding]:
    tree = _parsed(file)
    if isinstance(tree, _Unusable):
        yield path, str(file), tree.message, tree.remedy


def is_script(file: Path) -> bool:
    """Whether a Python file runs as a program: no ``main`` in it takes an argument. Raises SyntaxError, OSError."""
    tree = ast.parse(file.read_bytes())
    for statement in _statements(tree.body):
        if isinstance(statement, ast.FunctionDef) and statement.name == "main":
            return not (statement.args.posonlyargs or statement.args.args)
    return not _may_define(tree, "main")


def _entrypoint(path: FieldPath, entrypoint: str, code: Path) -> Iterator[_Finding]:
    module, function = entrypoint.split(":")
    base = code.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    file = next((candidate for candidate in candidates if _exists(candidate)), None)
    if file is None:
        yield path, entrypoint, f"there is no {candidates[0]}", "name a module below spec.code.path"
        return
    tree = _parsed(file)
    if isinstance(tree, _Unusable):
        yield path, entrypoint, f"{file} {tree.message}", tree.remedy
    elif not _may_define(tree, function):
        names = sorted(_functions(tree))
        remedy = f"name one of {', '.join(names[:8])}" if names else f"write def {function}(context): … in it"
        yield path, entrypoint, f"{file.name} has no function {function!r}", remedy


class _Unusable:
    """Why a file is of no use."""

    def __init__(self, message: str, remedy: str) -> None:
        self.message = message
        self.remedy = remedy


def _read(file: Path) -> str | _Unusable:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return _Unusable("is not UTF-8 text", "save it as UTF-8")
    except OSError as error:
        return _unreadable(error)


def _unreadable(error: OSError) -> _Unusable:
    if isinstance(error, FileNotFoundError):
        return _Unusable("does not exist", "name a file below spec.code.path")
    return _Unusable(f"cannot be read: {error.strerror}", "make it a readable file")


def _parsed(file: Path) -> ast.Module | _Unusable:
    try:
        # Bytes, as Python itself reads a file: a byte order mark and a coding line are for the parser.
        return ast.parse(file.read_bytes())
    except SyntaxError as error:
        return _Unusable(f"is not Python: line {error.lineno or 1}: {error.msg}", "correct that line")
    except (ValueError, RecursionError, MemoryError) as error:
        return _Unusable(f"is not Python: {error}", "name a Python file")
    except OSError as error:
        return _unreadable(error)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those that run when the module is imported, also inside if, try and with."""
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for block in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, block, []))
            for handler in getattr(statement, "handlers", []):
                yield from _statements(handler.body)


def _functions(tree: ast.Module) -> set[str]:
    return {node.name for node in _statements(tree.body) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def _may_define(tree: ast.Module, name: str) -> bool:
    """Whether the module has the name after its import: defined, assigned, imported, or perhaps by ``import *``."""
    for node in _statements(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found = {node.name}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        else:
            stored = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            found = {part.id for part in stored if isinstance(part.ctx, ast.Store)}
        if name in found or "*" in found:
            return True
    return False


def _writable(path: FieldPath, directory: Path, text: str) -> Iterator[_Finding]:
    if "://" in text:
        yield path, text, "is not a folder of this machine", "name a folder; flinktf run writes to folders only"
        return
    target = directory / text
    existing = next(place for place in (target, *target.parents) if _exists(place))
    if not existing.is_dir():
        yield path, str(target), f"cannot be made: {existing} is a file", "name a folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield path, str(target), f"cannot be made: {existing} may not be written to", "name another folder, or allow it"


def _exists(place: Path) -> bool:
    """Also for a place in a folder that may not be entered, where ``Path.exists`` raises."""
    return os.path.exists(place)  # noqa: PTH110
