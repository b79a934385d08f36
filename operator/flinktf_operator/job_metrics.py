"""What the coordinators say of their jobs, for Prometheus: one place to scrape instead of each job's pods.

Those have metrics too, but take only requests with their job's token, and their NetworkPolicy lets nobody else in. Here
the figures are as old as what was heard last, which is 25 seconds at most while a job runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flinktf.exposition import OF_GPUS
from flinktf_operator.observed import Key
from flinktf_operator.report import InstanceReport, Report
from flinktf_operator.store import Store

Family = type[GaugeMetricFamily] | type[CounterMetricFamily]
_WHO: Final = ("namespace", "job", "role", "index")
_OF_JOBS: Final[tuple[tuple[Family, str, str, Callable[[Report], float]], ...]] = (
    (GaugeMetricFamily, "generation", "The TensorFlow cluster that the job is in.", lambda job: job.generation),
    (GaugeMetricFamily, "step", "The training step.", lambda job: job.step),
    (CounterMetricFamily, "flink_restarts", "Restarts of Flink's.", lambda job: job.flink_restarts),
    (GaugeMetricFamily, "missing_instances", "What the cluster still waits for.", lambda job: len(job.missing)),
    (CounterMetricFamily, "models", "Models that were saved.", lambda job: len(job.models)),
)
_OF_INSTANCES: Final[tuple[tuple[Family, str, str, Callable[[InstanceReport], float]], ...]] = (
    (GaugeMetricFamily, "step", "The training step.", lambda one: one.step),
    (GaugeMetricFamily, "rows", "Rows that the role process has read.", lambda one: one.rows),
    (GaugeMetricFamily, "memory_bytes", "Resident memory of the role's processes.", lambda one: one.memory),
    (CounterMetricFamily, "restarts", "Attempts after the first one.", lambda one: one.restarts),
    (GaugeMetricFamily, "starvation_ratio", "Of its time, what it waits for records.", lambda one: one.starvation),
    (GaugeMetricFamily, "steps_per_second", "Training steps a second.", lambda one: one.rate),
    (GaugeMetricFamily, "heartbeat_age_seconds", "Since its agent was heard of.", lambda one: one.heard),
)


class JobMetrics(Collector):
    """Reads ``store`` at each scrape; the replica that leads is the one that has reports."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect once to learn the names

    def collect(self) -> Iterator[Metric]:
        reports = self._store.reports()
        for family, name, text, of_job in _OF_JOBS:
            metric = family(f"flinktf_job_{name}", text, labels=("namespace", "job"))
            for key, report in reports:
                metric.add_metric(key, of_job(report))
            yield metric
        for family, name, text, of_instance in _OF_INSTANCES:
            metric = family(f"flinktf_role_{name}", text, labels=_WHO)
            for key, one in _instances(reports):
                metric.add_metric(_who(key, one), of_instance(one))
            yield metric
        for name, told_as, text in OF_GPUS:
            metric = GaugeMetricFamily(f"flinktf_role_{name}", text, labels=_WHO)
            for key, one in _instances(reports):
                if told_as in one.gpu:
                    metric.add_metric(_who(key, one), one.gpu[told_as])
            yield metric
        states = GaugeMetricFamily("flinktf_role_state", "1 for the state that it is in.", labels=(*_WHO, "state"))
        told = GaugeMetricFamily("flinktf_role_metric", "What training tells: its loss, say.", labels=(*_WHO, "name"))
        for key, one in _instances(reports):
            states.add_metric((*_who(key, one), one.state), 1)
            for name, value in one.metrics.items():
                told.add_metric((*_who(key, one), name), value)
        yield from (states, told)


def _who(key: Key, one: InstanceReport) -> tuple[str, ...]:
    return (*key, one.role, str(one.index))


def _instances(reports: list[tuple[Key, Report]]) -> Iterator[tuple[Key, InstanceReport]]:
    return ((key, one) for key, report in reports for one in report.instances)
