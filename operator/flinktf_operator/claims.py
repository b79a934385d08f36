"""What is claimed of a job in each phase of its life, in words that say what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

from flinktf.api.status import Condition
from flinktf.coordinator.state import SILENT, UNWELL
from flinktf_operator.conditions import Claim
from flinktf_operator.desired.availability import is_on
from flinktf_operator.look import Look
from flinktf_operator.names import JOB_LABEL
from flinktf_operator.problems import foremost
from flinktf_operator.report import Report

_STOPPING: Final = {
    "Suspend": ("Suspending", "the pods are being deleted, as spec.suspend asks"),
    "SpecChange": ("SpecChanged", "the pods of the run before are being deleted; then the changed job starts"),
    "Restart": ("Restarting", "the pods of the failed run are being deleted"),
}

_GONE: Final = "its pod, its node or the way there is gone; it is restarted when it stays so"
_HANGS: Final = "with spec.roles[].failover.stallTimeout such an instance is restarted; else delete its pod"
_FORMING: Final = Claim("RolesHealthy", "Unknown", "Starting", "not every role has been heard of yet")

Claims = tuple[Claim, ...]


def pending(reason: str, message: str) -> Claims:
    return (
        Claim("Ready", "False", reason, message),
        Claim("Reconciling", "True", reason, message),
    )


def starting(look: Look, report: Report | None) -> Claims:
    reason, message = _what_it_waits_for(look, report)
    return (
        Claim("Ready", "False", reason, message),
        Claim("Reconciling", "True", reason, message),
        _health(look, report),
    )


def running(look: Look) -> Claims:
    report = look.report
    generation = report.generation if report is not None else look.status.generation
    message = f"the roles run, in generation {generation} of their cluster"
    if not is_on(look.spec):
        message += "; a JobManager whose pod goes begins the run again: set spec.checkpoint and spec.storage"
    return (
        Claim("Ready", "True", "Running", message),
        _health(look, report),
    )


def stopping(look: Look, why: str) -> Claims:
    reason, message = _STOPPING[why]
    held = foremost(pod for pod in look.seen.pods if pod.deleting)
    return pending(reason, f"{message}; {held.message}" if held is not None else message)


def waiting_for_deletion(look: Look) -> Claims:
    """Of a job that was deleted, and made again."""
    name, namespace = look.job.name, look.job.namespace
    message = (
        "the objects of a deleted job of the same name are still there; the job begins when they are gone. Kubernetes' "
        "garbage collector deletes them: if they stay, see whether kube-controller-manager runs, or delete them "
        f"yourself, kubectl delete deployments,pods -n {namespace} -l {JOB_LABEL}={name}"
    )
    held = foremost(pod for pod in look.seen.pods if pod.deleting)
    return pending("WaitingForDeletion", f"{message}; {held.message}" if held is not None else message)


def backing_off(look: Look, seconds: float) -> Claims:
    limit = look.spec.backoff_limit or 0
    message = f"restart {look.status.restarts} of {limit} (spec.backoffLimit) comes after a pause"
    return pending("BackingOff", message)


def restarting(look: Look, restart: int, limit: int) -> Claims:
    return pending("Restarting", f"restart {restart} of {limit} (spec.backoffLimit) after: {_why(look)}")


def suspended() -> Claims:
    message = "the job holds no pods; set spec.suspend to false to go on"
    return (
        Claim("Ready", "True", "Suspended", message),
        Claim("Suspended", "True", "Suspended", message),
    )


def succeeded(look: Look) -> Claims:
    model = f"; the model is in {look.report.models[-1]}" if look.report and look.report.models else ""
    message = f"every role is done{model}"
    return _end("Succeeded", "Succeeded", message)


def failed(look: Look) -> Claims:
    failure = look.report.failure if look.report is not None else None
    return _failure(failure.type if failure is not None else "Failed", _why(look))


def deadline_exceeded(seconds: int) -> Claims:
    return _failure("DeadlineExceeded", f"still not done after {seconds} s, spec.activeDeadlineSeconds")


def kept(conditions: Iterable[Condition], without: Set[str]) -> Claims:
    """The conditions as they are, but for some types."""
    return tuple(Claim(c.type, c.status, c.reason, c.message) for c in conditions if c.type not in without)


def ended(conditions: Iterable[Condition]) -> Claims:
    """Those of a job that has ended, whatever was claimed of it since."""
    return tuple(
        claim for c in conditions if c.type in ("Succeeded", "Failed") for claim in _end(c.type, c.reason, c.message)
    )


def stalled(reason: str, message: str) -> Claims:
    """The operator can do nothing until someone changes something."""
    return (
        Claim("Ready", "False", reason, message),
        Claim("Stalled", "True", reason, message),
    )


def _failure(kind: str, message: str) -> Claims:
    reason = "".join(part for part in kind if part.isalnum() or part == "_") or "Failed"
    return _end("Failed", reason if reason[0].isalpha() else f"Error{reason}", message)


def _end(kind: str, reason: str, message: str) -> Claims:
    if kind == "Succeeded":
        return Claim("Ready", "True", reason, message), Claim(kind, "True", reason, message)
    return (*stalled(reason, message), Claim(kind, "True", reason, message))


def _why(look: Look) -> str:
    failure = look.report.failure if look.report is not None else None
    if failure is None:
        return "the coordinator gave no reason; see the logs of the job's pods"
    told = f"{failure.instance}: {failure.type}: {failure.message}"
    return f"{told}\n{failure.traceback}" if failure.traceback else told


def _what_it_waits_for(look: Look, report: Report | None) -> tuple[str, str]:
    waiting = [pod for pod in look.pods if not pod.ready]
    problem = foremost(look.troubled)
    if problem is not None:
        return problem.reason, problem.message
    if waiting or not look.pods:
        return "WaitingForPods", f"{len(look.pods) - len(waiting)} of {len(look.pods)} pods are ready"
    if report is None:
        return "WaitingForCoordinator", "the pods are ready; their coordinator has not answered yet"
    if report.missing:
        return "Forming", f"the TensorFlow cluster forms; missing: {', '.join(report.missing)}"
    return "Submitting", "the pods are ready; the Flink job is being submitted"


def _health(look: Look, report: Report | None) -> Claim:
    problem = foremost(look.troubled)
    if problem is not None:
        return Claim("RolesHealthy", "False", problem.reason, problem.message)
    if report is None:
        return _health_as_told(look)
    sick = [i for i in report.instances if i.state == "Failed"]
    if sick:
        told = "; ".join(f"{i.role}-{i.index}: {i.error or 'failed'}" for i in sick)
        return Claim("RolesHealthy", "False", "RoleFailed", told)
    silent = [i for i in report.instances if i.activity in UNWELL]
    if silent:
        told = ", ".join(f"{i.role}-{i.index} in pod {i.pod} is {i.activity}" for i in silent)
        way_out = _HANGS if any(i.activity != SILENT for i in silent) else _GONE
        return Claim("RolesHealthy", "False", "RoleUnresponsive", f"{told}; {way_out}")
    return _FORMING if report.missing else Claim("RolesHealthy", "True", "Healthy", "every role instance is there")


def _health_as_told(look: Look) -> Claim:
    """Of a run that runs, the replica before this one has heard."""
    told = kept(look.status.conditions, without=frozenset()) if look.status.phase == "Running" else ()
    return next((claim for claim in told if claim.type == "RolesHealthy"), _FORMING)
