"""The operator's Prometheus metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

RECONCILES: Final = Counter("flinktf_operator_reconciles_total", "Looks at a job, by how they ended.", ["result"])
RECONCILE_SECONDS: Final = Histogram("flinktf_operator_reconcile_seconds", "How long a look takes.", buckets=_SECONDS)
QUEUE_DEPTH: Final = Gauge("flinktf_operator_queue_depth", "Jobs that wait to be looked at.")
API_REQUESTS: Final = Counter(
    "flinktf_operator_api_requests_total", "Requests to the API server, watches apart.", ["verb", "kind", "code"]
)
API_SECONDS: Final = Histogram(
    "flinktf_operator_api_request_seconds", "How long the API server takes to answer.", ["verb"], buckets=_SECONDS
)
WATCH_EVENTS: Final = Counter("flinktf_operator_watch_events_total", "Events of the watches.", ["kind"])
MISSED_EVENTS: Final = Counter(
    "flinktf_operator_missed_events_total",
    "Differences between a watch by kopf and a list: events that never came.",
    ["kind"],
)
JOBS: Final = Gauge("flinktf_operator_jobs", "FlinkTFJobs by phase.", ["phase"])
LEADER: Final = Gauge("flinktf_operator_leader", "1 in the process that leads.")
COORDINATORS: Final = Gauge("flinktf_operator_coordinators", "Coordinators that are listened to.")
