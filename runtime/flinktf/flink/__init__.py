"""Flink's side of a job: pools, submission, and what a ``job.py`` is written against."""

from flinktf.flink.job import Job
from flinktf.flink.tables import transform

__all__ = ["Job", "transform"]
