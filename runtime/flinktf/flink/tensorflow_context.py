"""DL on Flink's place of ``TFContext``, for the functions that run in role processes."""

from flinktf import TFContext

__all__ = ["TFContext"]
