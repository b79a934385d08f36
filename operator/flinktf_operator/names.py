"""Names that other programs know: labels, annotations, API paths' parts."""

from __future__ import annotations

from typing import Final

GROUP: Final = "flinktf.dev"
VERSION: Final = "v1alpha1"
PLURAL: Final = "flinktfjobs"
FIELD_MANAGER: Final = "flinktf-operator"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
JOB_LABEL: Final = "flinktf.dev/job"
POOL_LABEL: Final = "flinktf.dev/pool"
RUN_LABEL: Final = "flinktf.dev/run"
APPLIED: Final = "flinktf.dev/applied"
JOBMANAGER: Final = "jobmanager"
COORDINATOR_PORT: Final = 8090


def token_name(job: str) -> str:
    """The Secret with the token of a job's coordinator."""
    return f"{job}-token"
