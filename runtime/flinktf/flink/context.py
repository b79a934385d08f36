"""DL on Flink's place of ``Context``: what a node entry is given is a ``TFContext`` already."""

from flinktf import TFContext as Context

__all__ = ["Context"]
