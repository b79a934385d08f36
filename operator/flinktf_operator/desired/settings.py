"""What every job's children are made with, whatever its spec says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Images of jobs that name none; ``operator_namespace`` is where requests to coordinators come from."""

    flink_image: str
    tensorflow_image: str
    tensorflow_gpu_image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    operator_namespace: str = "default"


@dataclass(frozen=True, slots=True)
class Owner:
    """The job that the children belong to."""

    name: str
    namespace: str
    uid: str


@dataclass(frozen=True, slots=True)
class Run:
    """Which submission of the job they are for; ``restore`` is the checkpoint that it begins from."""

    number: int
    job_id: str
    restore: str | None = None


class RenderError(Exception):
    """A spec that no children can be made from; the text names the field and the way out."""

    def __init__(self, path: str, message: str, remedy: str) -> None:
        super().__init__(f"{path}: {message}; {remedy}")
        self.path = path
