from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.training.jvm import Role


@pytest.fixture
def start():
    """Starts role processes and ends those that a test has left."""
    roles: list[Role] = []

    def start_role(*args: Any, **kwargs: Any) -> Role:
        roles.append(Role(*args, **kwargs))
        return roles[-1]

    yield start_role
    for role in roles:
        if role.process.poll() is None:
            role.kill()


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], None]:
    """Writes the entrypoint's module, ``train.py``."""

    def write(text: str) -> None:
        (tmp_path / "train.py").write_text(text)

    return write
