"""Writes ``dist/requirements-<extra>.txt`` for each extra that is named: what an image installs before flinktf."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main(extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in extras:
        lines = [*project["dependencies"], *project["optional-dependencies"][extra]]
        (ROOT / "dist" / f"requirements-{extra}.txt").write_text("".join(f"{line}\n" for line in sorted(lines)))


if __name__ == "__main__":
    main(sys.argv[1:])
