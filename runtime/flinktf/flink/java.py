"""The options that Flink gives every JVM: they are in its ``conf/config.yaml``, and must be in each of ours."""

from __future__ import annotations

from typing import Final

_EXPORTS: Final = (
    "java.rmi/sun.rmi.registry",
    "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.compiler/com.sun.tools.javac.parser",
    "jdk.compiler/com.sun.tools.javac.tree",
    "jdk.compiler/com.sun.tools.javac.util",
    "java.security.jgss/sun.security.krb5",
)
_OPENS: Final = (
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)

OPTIONS: Final = " ".join(
    [
        *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS),
    ]
)
"""``env.java.opts.all`` of Flink 2.3."""
