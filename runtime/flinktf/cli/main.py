"""The command ``flinktf``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from flinktf.cli.logs import logs
from flinktf.cli.render import render
from flinktf.cli.status import status
from flinktf.cli.validate import print_problems, validate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flinktf")
def main() -> None:
    """TensorFlow inside Apache Flink, from one FlinkTFJob manifest."""


@main.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("flinktf-runs"),
    show_default=True,
    help="The folder that gets a subfolder with the logs of each run.",
)
@click.option(
    "--ui-port", type=click.IntRange(1, 65535), help="Flink's web interface on this port; else on a free one."
)
@click.option("--keep", is_flag=True, help="Keep spools and task files of the run too, to look into.")
def run(manifest: Path, runs: Path, ui_port: int | None, keep: bool) -> None:
    """Run MANIFEST on this machine: a Flink cluster, its roles, TensorFlow.

    The exit code is 0 only when the job succeeded: 1 when it failed, 2 when it could not be started.
    """
    from flinktf.api import ManifestError, check_files, load_manifest
    from flinktf.flink.distribution import DistributionError
    from flinktf.local.runner import Options
    from flinktf.local.runner import run as run_locally
    from flinktf.ports import PortError

    try:
        loaded = load_manifest(manifest)
    except ManifestError as error:
        print_problems(manifest, error.problems)
        sys.exit(2)
    problems = check_files(loaded)
    if problems:
        print_problems(manifest, problems)
        sys.exit(2)
    try:
        code = run_locally(loaded, Options(runs=runs, ui_port=ui_port, keep=keep), Console())
    except (DistributionError, PortError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    sys.exit(code)


for command in (validate, render, status, logs):
    main.add_command(command)

if __name__ == "__main__":
    main()
