"""The operator's own settings: flags, each also an environment variable."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import click

from flinktf_operator.desired import Settings

_VERSION: Final = version("flinktf")
_PORT: Final = click.IntRange(0, 65535)


@dataclass(frozen=True, slots=True)
class Options:
    """``namespaces`` is empty for all; ``identity`` is this replica's name, ``namespace`` where it runs."""

    namespaces: tuple[str, ...]
    jobs: Settings
    leader_elect: bool
    health_port: int
    metrics_port: int
    log_format: str
    namespace: str
    identity: str


def command(main: Callable[[Options], None]) -> click.Command:
    """The command line around ``main``."""

    def run(**given: Any) -> None:
        jobs = Settings(
            flink_image=given["flink_image"],
            tensorflow_image=given["tensorflow_image"],
            tensorflow_gpu_image=given["tensorflow_gpu_image"],
            image_pull_policy=given["image_pull_policy"],
            image_pull_secrets=_names(given["image_pull_secrets"]),
            operator_namespace=given["pod_namespace"],
        )
        main(
            Options(
                namespaces=_names(given["namespaces"]),
                jobs=jobs,
                leader_elect=given["leader_elect"],
                health_port=given["health_port"],
                metrics_port=given["metrics_port"],
                log_format=given["log_format"],
                namespace=given["pod_namespace"],
                identity=given["pod_name"],
            )
        )

    options: list[click.Parameter] = [
        _option("namespaces", "", "The namespaces to watch, with commas between them; all where it is empty."),
        _option("flink-image", f"flinktf/flink:{_VERSION}", "Image of JobManagers and TaskManagers."),
        _option("tensorflow-image", f"flinktf/tensorflow:{_VERSION}", "Image of roles without GPUs."),
        _option("tensorflow-gpu-image", f"flinktf/tensorflow-gpu:{_VERSION}", "Image of roles with GPUs."),
        _option(
            "image-pull-policy",
            "IfNotPresent",
            "Of the jobs' containers.",
            click.Choice(["Always", "IfNotPresent", "Never"]),
        ),
        _option("image-pull-secrets", "", "Names of Secrets for the jobs' pods, with commas between them."),
        _option("leader-elect", False, "Act only while holding the Lease flinktf-operator.", click.BOOL),
        _option("health-port", 8080, "Port of /livez and /readyz.", _PORT),
        _option("metrics-port", 9090, "Port of /metrics.", _PORT),
        _option("log-format", "json", "How logs are written.", click.Choice(["json", "text"])),
        _option("pod-namespace", "default", "Where this replica runs.", envvar="POD_NAMESPACE"),
        _option("pod-name", socket.gethostname(), "This replica's name.", envvar="POD_NAME"),
    ]
    return click.Command("flinktf-operator", callback=run, params=options, help="Reconciles FlinkTFJobs.")


def _option(
    name: str, default: object, text: str, kind: click.ParamType[Any] = click.STRING, envvar: str | None = None
) -> click.Option:
    envvar = envvar or f"FLINKTF_{name.upper().replace('-', '_')}"
    return click.Option(
        [f"--{name}"], default=default, type=kind, envvar=envvar, show_default=True, show_envvar=True, help=text
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
