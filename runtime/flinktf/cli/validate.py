"""``flinktf validate``: what is wrong with a manifest, where, and the way out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from flinktf.api import LoadedManifest, ManifestError, Problem, check_files, load_manifest, notices


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(manifests: tuple[Path, ...]) -> None:
    """Explain what is wrong with MANIFESTS: path, value, remedy.

    Looks at the files that they name too, without running anything. The exit code is 1 when something is wrong.
    """
    sys.exit(validate_files(manifests))


def validate_files(manifests: Iterable[Path]) -> int:
    """The exit code: 1 when one of them is wrong. Prints what is to be said about each."""
    # A list, as every file is to be explained, not only those up to the first wrong one.
    return int(not all([_validate(manifest) for manifest in manifests]))  # noqa: C419


def _validate(manifest: Path) -> bool:
    try:
        loaded = load_manifest(manifest)
        problems = check_files(loaded)
    except ManifestError as error:
        problems = error.problems
    if problems:
        print_problems(manifest, problems)
        return False
    click.echo(f"{manifest}: {_summary(loaded)}")
    for notice in notices(loaded.job):
        click.echo(f"  notice: {notice.path}: {notice.message}")
    return True


def _summary(loaded: LoadedManifest) -> str:
    spec = loaded.job.spec
    roles = ", ".join(f"{role.replicas} {role.name}" for role in spec.roles)
    fed = "no pipeline" if spec.job is None else spec.job.python or spec.job.sql
    return f"{loaded.job.metadata.name} is valid: {spec.tensorflow.strategy}, {roles}, {fed}"


def print_problems(manifest: Path, problems: Iterable[Problem]) -> None:
    """One problem a paragraph, on standard error."""
    for problem in problems:
        place = f"{manifest}:{problem.line}" if problem.line else str(manifest)
        path = f"{problem.path}: " if problem.path else ""
        found = f"\n  found: {problem.value}" if problem.value is not None else ""
        click.echo(f"{place}: {path}{problem.message}{found}\n  → {problem.remedy}", err=True)
