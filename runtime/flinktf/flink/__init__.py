"""Flink's side of a job: pools, submission, and what a ``job.py`` is written against."""

from flinktf.flink.job import Job

__all__ = ["Job"]
