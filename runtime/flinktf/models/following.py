"""Which version comes next: decided without touching any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flinktf.models.files import Fingerprint
from flinktf.models.sources import Version


@dataclass(frozen=True)
class Refusal:
    """Why a version was not taken; a ``passing`` reason may be gone by itself. ``files``: what it looked like then."""

    error: Exception
    passing: bool
    files: Fingerprint


def next_version(
    candidates: Sequence[Version], current: Version | None, refused: Mapping[Version, Refusal]
) -> Version | None:
    """The first candidate that is not refused; None when that is the current one, or there is none."""
    chosen = next((version for version in candidates if version not in refused), None)
    return None if chosen == current else chosen


def standing(
    refused: Mapping[Version, Refusal], candidates: Sequence[Version], look: Callable[[str], Fingerprint]
) -> dict[Version, Refusal]:
    """The refusals that still hold: of versions that are still offered and have not changed, for good reasons."""
    return {
        version: refusal
        for version, refusal in refused.items()
        if version in candidates and not refusal.passing and look(version.path) == refusal.files
    }


def kept(past: Sequence[Version], current: Version, keep_old: int) -> tuple[Version, ...]:
    """Of those that were current, the latest first, the ones to stay in memory."""
    return tuple(dict.fromkeys(version for version in past if version != current))[:keep_old]
