"""Conditions of a job: kstatus' ``Ready``, ``Reconciling``, ``Stalled``, and flinktf's own. Pure.

``Reconciling`` and ``Stalled`` are there only while they hold, as kstatus wants abnormal conditions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from flinktf.api.status import Condition

Truth = Literal["True", "False", "Unknown"]

ORDER: Final = ("Ready", "Reconciling", "Stalled", "RolesHealthy", "Suspended", "Succeeded", "Failed")
MESSAGE_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition as it should be now; when it began to be so is not known yet."""

    type: str
    status: Truth
    reason: str
    message: str


def merge(
    before: Iterable[Condition], claims: Iterable[Claim], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions after this look; ``lastTransitionTime`` moves only with the status."""
    old = {condition.type: condition for condition in before}
    merged = []
    for claim in sorted(claims, key=lambda claim: ORDER.index(claim.type)):
        known = old.get(claim.type)
        since = known.last_transition_time if known is not None and known.status == claim.status else now
        merged.append(
            Condition(
                type=claim.type,
                status=claim.status,
                reason=claim.reason,
                message=shortened(claim.message),
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return tuple(merged)


def shortened(message: str) -> str:
    """The end of a long text: a traceback says what went wrong in its last line."""
    return message if len(message) <= MESSAGE_LIMIT else "… " + message[-(MESSAGE_LIMIT - 2) :]
