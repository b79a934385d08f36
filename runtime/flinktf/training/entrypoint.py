"""The function that a role runs: the manifest's, or what the job's program has put in its place."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from flinktf.protocol.program import Program
from flinktf.protocol.task import Task
from flinktf.training.errors import EntrypointError
from flinktf.training.writer import Row

Entrypoint = Callable[..., Any]


def load_entrypoint(task: Task) -> Entrypoint | None:
    """None for a role that flinktf serves itself: ps and worker under ParameterServer.

    Raises :class:`EntrypointError` when the function is not there; what its module raises goes through as it is.
    """
    sys.path.insert(0, task.code_path)
    if task.program is not None and task.program.runs:
        return _of_program(task.program, task.code_path)
    if task.entrypoint is not None:
        return by_reference(task.entrypoint, task.code_path)
    if task.strategy == "ParameterServer" and task.role in ("ps", "worker"):
        return None
    raise EntrypointError(
        f"nothing says what role {task.role} runs: neither spec.tensorflow.entrypoint, nor a TFClusterConfig with a "
        "node entry in the job's program"
    )


def _of_program(program: Program, code_path: str) -> Entrypoint:
    if program.reference is not None:
        return by_reference(program.reference, code_path)
    if program.file is not None:
        return _in_file(Path(code_path) / program.file, str(program.name))
    return _unpickled(str(program.pickled))


def by_reference(entrypoint: str, code_path: str) -> Entrypoint:
    """``module:function`` below ``code_path``. Raises :class:`EntrypointError`."""
    module_name, _, function_name = entrypoint.partition(":")
    if not module_name or not function_name:
        raise EntrypointError(f"the entrypoint {entrypoint!r} is not of the form module:function, like train:main")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        found = ", ".join(sorted(path.stem for path in Path(code_path).glob("*.py"))) or "no Python module"
        raise EntrypointError(
            f"the entrypoint {entrypoint!r} names the module {error.name!r}, which is not in {code_path} ({found})"
        ) from None
    return _function(module, function_name, f"the module {module_name!r}", entrypoint)


def _in_file(file: Path, name: str) -> Entrypoint:
    """The function ``name`` of a Python file, which finds the modules beside it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise EntrypointError(
            f"the node entry is {name!r} in {file}, and there is no such Python file here: files of the job's code are "
            "found relative to spec.code.path"
        )
    sys.path.insert(0, str(file.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return _function(module, name, file.name, name)


def _unpickled(pickled: str) -> Entrypoint:
    import cloudpickle

    _stand_in_for_pyflink()
    try:
        function = cloudpickle.loads(base64.b64decode(pickled))
    except ModuleNotFoundError as error:
        raise EntrypointError(
            f"the node entry of the job's program needs the module {error.name!r}, which is not in this role's "
            "environment: import it within the function where it is used by the program only, put the function into a "
            "module of its own beside it, or install it in the image"
        ) from error
    if not callable(function):
        raise EntrypointError(f"the node entry of the job's program is a {type(function).__name__}, not a function")
    return function  # type: ignore[no-any-return]


def _stand_in_for_pyflink() -> None:
    """A program imports PyFlink's ``Row``, and the entry in it writes such rows; role processes have no PyFlink."""
    if importlib.util.find_spec("pyflink") is not None:
        return
    for name in ("pyflink", "pyflink.common", "pyflink.common.types"):
        sys.modules[name] = ModuleType(name)
        sys.modules[name].Row = Row  # type: ignore[attr-defined]


def _function(module: Any, name: str, where: str, entrypoint: str) -> Entrypoint:
    function = getattr(module, name, None)
    if function is None:
        raise EntrypointError(f"{where} has no function {name!r} (entrypoint {entrypoint!r})")
    if not callable(function):
        raise EntrypointError(f"the entrypoint {entrypoint!r} is a {type(function).__name__}, not a function")
    return function  # type: ignore[no-any-return]
