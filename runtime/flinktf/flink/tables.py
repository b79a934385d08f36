"""What a ``job.py`` can do with tables and roles, besides inserting into a ``flinktf`` table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flinktf.flink.gateway import connector

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
    from pyflink.table import Table

    result = connector().FlinkTF.transform(table_env._j_tenv, table._j_table, output, role, dict(options or {}))
    return Table(result, table_env)


def predict(
    table_env: StreamTableEnvironment,
    table: Table,
    path: str,
    output: str,
    features: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
) -> Table:
    """``table`` with the columns of ``output`` added, in SQL (``"label INT, score FLOAT"``), which a model predicts.

    ``path`` is the model's, or the folder of its versions, ``features`` are the columns that it takes, all of them
    when there are none. A role with the entrypoint ``flinktf.serving:serve`` serves it; ``options`` are those of a
    model in SQL (docs/connector.md). It does what ``ML_PREDICT`` does, a batch at a time.
    """
    from pyflink.table import Table

    whole = {**(options or {}), "path": path}
    result = connector().FlinkTF.predict(table_env._j_tenv, table._j_table, list(features), output, whole)
    return Table(result, table_env)
