"""Models for the pipeline's rows: what a role with ``entrypoint: flinktf.serving:serve`` runs (docs/inference.md)."""

from flinktf.serving.role import serve

__all__ = ["serve"]
