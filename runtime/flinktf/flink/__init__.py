"""Flink's side of a job: pools, submission, and what a ``job.py`` is written against."""

from flinktf.flink.cluster_config import ClusterConfig
from flinktf.flink.job import Job
from flinktf.flink.tables import predict, transform
from flinktf.flink.tf_cluster_config import TFClusterConfig
from flinktf.flink.tf_utils import inference, train

__all__ = ["ClusterConfig", "Job", "TFClusterConfig", "inference", "predict", "train", "transform"]
