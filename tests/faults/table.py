"""Faults, strategies, and what is expected: the table that ``test_table.py`` runs, a row a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faults.faults import Both, Fault, Full, Kill, OutOfMemory, OwnCode, Partition, Repeated, Stop, Unreachable
from faults.moments import Moment, a_barrier, at_once, forming, its_end, seconds, the_end, told, training
from faults.running import Running

WRITE: Final = "cannot be written"
"""What is said of a model that could not be saved."""


@dataclass(frozen=True)
class Once:
    """The job succeeds, and its model has each record exactly once.

    ``restarted`` instances have, at least so often; those of ``undisturbed`` have not. There is an ``event``
    of the coordinator's with these words.
    """

    restarted: Mapping[str, int] = field(default_factory=dict)
    undisturbed: tuple[str, ...] = ()
    event: str = ""


@dataclass(frozen=True)
class AtLeastOnce(Once):
    """The job succeeds, and its model has each record, some of them again."""


@dataclass(frozen=True)
class Fails:
    """The run ends with exit code 1, and each of ``says`` is in its output."""

    says: tuple[str, ...]


def _nothing(run: Running) -> None:
    pass


@dataclass(frozen=True)
class Row:
    """``lasts`` returns when it is time to heal the fault. ``job`` is for :func:`faults.counting.counting_job`.

    A ``short`` row is one of every ``make test``.
    """

    strategy: str
    fault: Fault
    when: Moment = training
    expects: Once | Fails = field(default_factory=Once)
    lasts: Callable[[Running], None] = _nothing
    job: Mapping[str, Any] = field(default_factory=dict)
    short: bool = False

    def __str__(self) -> str:
        moment = "" if self.when in (training, at_once) else f" in {self.when.__name__.replace('_', ' ')}"
        return f"{self.strategy}: {self.fault}{moment}"


MIRRORED, INDEPENDENT, SERVERS = "MultiWorkerMirrored", "Independent", "ParameterServer"
EXACT: Final = {"seconds": 20, "policy": "Gang"}
"""What a job with parameter servers needs for each record to be there once."""
BUDGET: Final = {"seconds": 30, "maxRestarts": 1}

STALL: Final = {"seconds": 20, "stallTimeout": "8s"}
STALLED: Final = Once({"worker-1": 1}, event="Stalled")
STALLED_ONE: Final = Once(event="Stalled")
POISONED: Final = Fails(("InvalidArgumentError", "record 5000 is poison", "failover.maxRestarts (1) is reached"))

ROWS: Final = (
    # One process.
    Row(MIRRORED, Kill("worker-1"), expects=Once({"worker-0": 1, "worker-1": 1}), short=True),
    Row(MIRRORED, Kill("worker-0"), expects=Once({"worker-0": 1, "worker-1": 1})),
    Row(MIRRORED, Kill("agent-worker-1")),
    Row(MIRRORED, Kill("taskmanager-worker-0")),
    Row(MIRRORED, Kill("taskmanager-pipeline-0")),
    Row(MIRRORED, Kill("coordinator"), short=True),
    Row(
        MIRRORED,
        Kill("evaluator-0"),
        expects=Once({"evaluator-0": 1}, undisturbed=("worker-0", "worker-1")),
        job={"evaluator": True},
    ),
    Row(MIRRORED, Kill("jobmanager"), expects=Fails(("jobmanager", "flinktf run"))),
    Row(INDEPENDENT, Kill("worker-1"), short=True),
    Row(INDEPENDENT, Kill("agent-worker-1")),
    Row(INDEPENDENT, Kill("taskmanager-worker-0")),
    Row(INDEPENDENT, Kill("taskmanager-pipeline-0")),
    Row(INDEPENDENT, Kill("coordinator")),
    Row(SERVERS, Kill("worker-1"), job=EXACT),
    Row(SERVERS, Kill("chief-0"), job=EXACT),
    Row(SERVERS, Kill("ps-0"), job=EXACT, short=True),
    Row(SERVERS, Kill("taskmanager-worker-0"), job=EXACT),
    Row(
        SERVERS,
        Kill("worker-1"),
        expects=AtLeastOnce({"worker-1": 1}, undisturbed=("chief-0", "ps-0")),
        job={"seconds": 20},
    ),
    # Two at once.
    Row(MIRRORED, Both(Kill("worker-0"), Kill("worker-1")), expects=Once({"worker-0": 1, "worker-1": 1})),
    Row(MIRRORED, Both(Kill("coordinator"), Kill("worker-1"))),
    Row(SERVERS, Both(Kill("chief-0"), Kill("ps-0")), job=EXACT),
    # The same one until its budget is gone.
    Row(
        MIRRORED,
        Repeated(Kill("worker-1"), "worker-1", 2),
        expects=Fails(("worker-1: ProcessKilled", "failover.maxRestarts (1) is reached")),
        job=BUDGET,
    ),
    # In moments that are short.
    Row(MIRRORED, Kill("worker-0"), when=forming),
    Row(SERVERS, Kill("chief-0"), when=forming, job=EXACT),
    Row(MIRRORED, Kill("worker-0"), when=a_barrier, expects=Once({"worker-0": 1})),
    Row(INDEPENDENT, Kill("worker-1"), when=a_barrier, expects=Once({"worker-1": 1})),
    Row(SERVERS, Kill("chief-0"), when=a_barrier, expects=Once({"chief-0": 1}), job=EXACT),
    Row(MIRRORED, Kill("worker-0"), when=the_end, expects=Once({"worker-0": 1}), job={"holds": True}),
    Row(INDEPENDENT, Kill("worker-1"), when=the_end, expects=Once({"worker-1": 1}), job={"holds": True}),
    Row(SERVERS, Kill("chief-0"), when=the_end, expects=Once({"chief-0": 1}), job=EXACT | {"holds": True}),
    # What a process stands on.
    Row(MIRRORED, OutOfMemory("worker-1"), expects=Once({"worker-1": 1}, event="ran out of memory")),
    Row(MIRRORED, Full(), expects=Once(undisturbed=("worker-0", "worker-1")), lasts=told(WRITE)),
    Row(INDEPENDENT, Full(), expects=Once(undisturbed=("worker-0", "worker-1")), lasts=told(WRITE)),
    Row(SERVERS, Full(), expects=Once(undisturbed=("chief-0", "worker-0")), lasts=told(WRITE), job=EXACT),
    Row(MIRRORED, Unreachable(), expects=Once(undisturbed=("worker-0", "worker-1")), lasts=seconds(60)),
    # What is between two processes.
    Row(
        MIRRORED,
        Partition(("worker-0", "worker-1")),
        expects=Once(undisturbed=("worker-0", "worker-1")),
        lasts=seconds(5),
    ),
    Row(MIRRORED, Partition(("worker-0", "worker-1")), expects=Once({"worker-1": 1}), lasts=told("generation 2 forms")),
    Row(SERVERS, Partition(("ps-0",)), lasts=seconds(5), job=EXACT),
    # What is there, and does nothing.
    Row(
        MIRRORED,
        Stop("agent-worker-1"),
        expects=Once({"worker-1": 1}, event="HeartbeatLost"),
        lasts=told("HeartbeatLost"),
        job={"seconds": 60},
    ),
    Row(MIRRORED, Stop("agent-worker-1"), lasts=its_end),
    Row(MIRRORED, Stop("taskmanager-worker-0"), lasts=seconds(40)),
    Row(MIRRORED, Stop("coordinator"), expects=Once(undisturbed=("worker-0", "worker-1")), lasts=seconds(35)),
    Row(MIRRORED, Stop("worker-1"), expects=STALLED, lasts=told("Stalled"), job=STALL),
    Row(INDEPENDENT, Stop("worker-1"), expects=STALLED, lasts=told("Stalled"), job=STALL),
    Row(MIRRORED, OwnCode("stalls"), at_once, STALLED_ONE, job=STALL | {"trouble": ("stalls", 5000)}),
    Row(INDEPENDENT, OwnCode("stalls"), at_once, STALLED_ONE, job=STALL | {"trouble": ("stalls", 5000)}),
    # What no restart cures.
    Row(MIRRORED, OwnCode("raises"), at_once, POISONED, job=BUDGET | {"trouble": ("raises", 5000)}),
    Row(INDEPENDENT, OwnCode("raises"), at_once, POISONED, job=BUDGET | {"trouble": ("raises", 5000)}),
)
