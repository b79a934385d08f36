"""``flinktf render``: what the operator would apply for a manifest, without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import yaml

from flinktf.api import ManifestError, load_manifest
from flinktf.cli.validate import print_problems

_UID = "00000000-0000-0000-0000-000000000000"
_COMMENT = """\
# For review, not to be applied: the uid is a placeholder, and with it the Flink job id and the annotations
# flinktf.dev/applied. The operator puts a random token into the Secret.
"""


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--namespace", "-n", help="The namespace; else the manifest's, or default.")
@click.option("--flink-image", default=f"flinktf/flink:{version('flinktf')}", show_default=True)
@click.option("--tensorflow-image", default=f"flinktf/tensorflow:{version('flinktf')}", show_default=True)
@click.option("--tensorflow-gpu-image", default=f"flinktf/tensorflow-gpu:{version('flinktf')}", show_default=True)
@click.option("--operator-namespace", default="flinktf-system", show_default=True, help="Where the operator runs.")
def render(
    manifest: Path,
    namespace: str | None,
    flink_image: str,
    tensorflow_image: str,
    tensorflow_gpu_image: str,
    operator_namespace: str,
) -> None:
    """Print the objects of MANIFEST's first run, as the operator applies them.

    Two things are made in the cluster only: the job's uid, here zeros, from which the Flink job id follows, and the
    token in the Secret. The exit code is 1 when the manifest is wrong.
    """
    from flinktf_operator.decision import job_id
    from flinktf_operator.desired import Owner, RenderError, Run, Settings, children

    try:
        job = load_manifest(manifest).job
    except ManifestError as error:
        print_problems(manifest, error.problems)
        sys.exit(1)
    owner = Owner(job.metadata.name, namespace or job.metadata.namespace or "default", _UID)
    settings = Settings(flink_image, tensorflow_image, tensorflow_gpu_image, operator_namespace=operator_namespace)
    try:
        made = children(job, owner, Run(1, job_id(_UID, 1)), settings)
    except RenderError as error:
        click.echo(f"{manifest}: {error}", err=True)
        sys.exit(1)
    click.echo(_COMMENT + as_yaml(made), nl=False)


def as_yaml(manifests: Iterable[dict[str, Any]]) -> str:
    """Documents to be read by people: a text of several lines is one."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
