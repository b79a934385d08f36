"""What the documents say is there: commands, files, manifests, names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from flinktf.api import FlinkTFJob
from flinktf.cli.main import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(), re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", document.read_text())) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }
    shell = "".join(_blocks(document, "sh"))
    commands = set(re.findall(r"^flinktf ([a-z]+)", shell, re.MULTILINE))
    assert commands <= set(main.commands)


def test_the_manifest_of_the_readme_is_valid() -> None:
    (manifest,) = _blocks(ROOT / "README.md", "yaml")
    assert FlinkTFJob.model_validate(yaml.safe_load(manifest)).metadata.name == "wine"


def test_the_python_of_the_readme_is_the_example() -> None:
    (code,) = _blocks(ROOT / "README.md", "python")
    example = (ROOT / "examples" / "wine" / "train.py").read_text()
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    assert called <= {ast.unparse(node.func) for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*/job.yaml")), ids=lambda path: path.parent.name)
def test_the_examples_are_valid(example: Path) -> None:
    from flinktf.api import check_files, load_manifest

    assert check_files(load_manifest(example)) == ()
