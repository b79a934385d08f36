"""What keeps pods from running, in words that say what to do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from flinktf_operator.observed import PodView, Problem

_IMAGE: Final = "check the image's name and spec.…podTemplate.spec.imagePullSecrets"
_REPLACED: Final = "another pod takes its place"
_NODE: Final = "bring the node back, or delete its Node object when it is gone for good"
_ADVICE: Final = {
    "Unschedulable": "free or add nodes that fit, or ask for less: resources, gpu, nodeSelector",
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "InvalidImageName": "check the image's name",
    "OOMKilled": "give the container more memory: resources.limits.memory",
    "CreateContainerConfigError": "check the ConfigMaps and Secrets that the pod names",
    "Evicted": f"{_REPLACED}; ask for what it needs (resources.requests), and it is the last to be evicted",
    "NodeNotReady": f"{_NODE}; after a while, {_REPLACED}",
    "DeletionByTaintManager": f"{_REPLACED}; it stays until its node is back: {_NODE}",
    "EvictionByEvictionAPI": f"its node is drained, {_REPLACED}",
    "PreemptionByScheduler": f"pods with a higher priority need its node, {_REPLACED}; set priorityClassName",
}


def advised(problem: Problem) -> str:
    """The problem, and what to do about it."""
    advice = _ADVICE.get(problem.reason)
    return f"{problem.message or problem.reason}; {advice}" if advice else problem.message or problem.reason


def foremost(pods: Iterable[PodView]) -> Problem | None:
    """The most frequent problem, with one pod's own words: ten pods that wait for a node say the same thing."""
    problems = [(pod, pod.problem) for pod in pods if pod.problem is not None]
    if not problems:
        return None
    reason, count = Counter(problem.reason for _, problem in problems).most_common(1)[0]
    pod, problem = next((pod, problem) for pod, problem in problems if problem.reason == reason)
    more = f" (and {count - 1} more)" if count > 1 else ""
    return Problem(reason, f"pod {pod.name}{more}: {advised(problem)}")
