"""DL on Flink's place of ``TFClusterConfig``."""

from flinktf.flink.cluster_config import ClusterConfig as TFClusterConfig

__all__ = ["TFClusterConfig"]
