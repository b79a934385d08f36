"""The connector's classes in the JVM of PyFlink."""

from __future__ import annotations

from typing import Any


def connector() -> Any:
    """The package ``dev.flinktf.connector``. It starts the JVM where none runs."""
    from pyflink.java_gateway import get_gateway

    return get_gateway().jvm.dev.flinktf.connector
