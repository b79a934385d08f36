"""What a ``job.py`` can do with tables and roles, besides inserting into a ``flinktf`` table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflink.table import StreamTableEnvironment, Table


def transform(
    table_env: StreamTableEnvironment,
    table: Table,
    output: str,
    role: str,
    options: Mapping[str, str] | None = None,
) -> Table:
    """Sends the rows of ``table`` through ``role`` and returns what it writes with ``get_row_writer_to_flink``.

    ``output`` names the columns in SQL, for example ``"label INT, score FLOAT"``; ``options`` are those of a flinktf
    table without its role (docs/connector.md). Rows of one subtask keep their order.
    """
    from pyflink.java_gateway import get_gateway
    from pyflink.table import Table

    connector = get_gateway().jvm.dev.flinktf.connector.FlinkTF
    result = connector.transform(table_env._j_tenv, table._j_table, output, role, dict(options or {}))
    return Table(result, table_env)
