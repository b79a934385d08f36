"""What synchronous workers do next, decided by each of them from the same table: pure, and equal everywhere.

Before anything that all must do together, each worker offers what it could do; the offers are added up in one small
collective, so that all workers see all offers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from flinktf.arrow import Array

HAS_BATCHES, AT_BARRIER, AT_END = 1, 2, 3


class Offer(NamedTuple):
    """One worker's position: ``steps`` batches of ``rows`` rows each, a barrier's ``checkpoint``, or the end.

    ``stop`` asks all to end training.
    """

    state: int
    steps: int = 0
    rows: int = 0
    checkpoint: int = 0
    stop: int = 0


WIDTH = len(Offer._fields)


@dataclass(frozen=True)
class Train:
    """All take ``steps`` steps; ``rows`` is the number of rows of one step over all workers."""

    steps: int
    rows: int


@dataclass(frozen=True)
class Save:
    """Those at a barrier of an older checkpoint, which Flink has given up, answer it; those at ``checkpoint`` save."""

    checkpoint: int


@dataclass(frozen=True)
class EndEpoch:
    stopped: bool


Decision = Train | Save | EndEpoch


def table(worker: int, workers: int, offer: Offer) -> Array:
    """This worker's line in an otherwise empty table ``[workers, WIDTH]``; the sum of all is what they decide by."""
    lines = np.zeros((workers, WIDTH), np.int64)
    lines[worker] = offer
    return lines


def decide(offers: Sequence[Offer]) -> Decision:
    """Train while anyone has batches that lie before a barrier; then save; then end.

    A worker at a barrier or at its end takes part in the others' steps with weight zero. The end comes when all are
    at theirs: a worker at its end will see no barrier any more.
    """
    if any(offer.stop for offer in offers):
        return EndEpoch(stopped=True)
    active = [offer for offer in offers if offer.state == HAS_BATCHES]
    if active:
        return Train(min(offer.steps for offer in active), sum(offer.rows for offer in active))
    checkpoints = [offer.checkpoint for offer in offers if offer.state == AT_BARRIER]
    if checkpoints:
        return Save(max(checkpoints))
    return EndEpoch(stopped=False)
