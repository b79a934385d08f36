"""DL on Flink's ``tf_utils``: jobs whose program says what the roles run.

Everything is added to a statement set, whose ``execute()`` runs the job. ValueError says what an argument lacks; what
does not fit the FlinkTFJob, or the table's columns, is an error of the connector that names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flinktf.flink.cluster_config import ClusterConfig
from flinktf.flink.gateway import connector

if TYPE_CHECKING:
    from pyflink.table import Schema, StatementSet, Table


def train(
    statement_set: StatementSet,
    tf_cluster_config: ClusterConfig,
    input_table: Table | None = None,
    max_epoch: int = 1,
    *,
    epoch: int | None = None,
) -> None:
    """Trains on the rows of ``input_table``: each worker gets its share, and can read it ``max_epoch`` times.

    Without a table, the node entry reads its data itself. ``epoch`` is another name of ``max_epoch``.
    """
    epochs = max_epoch if epoch is None else epoch
    if epochs < 1:
        raise ValueError(f"max_epoch is {epochs}; it is 1 or more")
    config = tf_cluster_config.to_java()
    if input_table is None:
        connector().client.TFUtils.train(statement_set._j_statement_set, config)
    else:
        connector().client.TFUtils.train(statement_set._j_statement_set, input_table._j_table, config, epochs)


def inference(
    statement_set: StatementSet, input_table: Table, tf_cluster_config: ClusterConfig, output_schema: Schema
) -> Table:
    """Sends the rows of ``input_table`` through the workers.

    Returns what the node entry writes with ``context.get_row_writer_to_flink()``, in the columns of ``output_schema``;
    insert that into the same statement set.
    """
    from pyflink.table import Table

    result = connector().client.TFUtils.inference(
        statement_set._j_statement_set, input_table._j_table, tf_cluster_config.to_java(), output_schema._j_schema
    )
    return Table(result, statement_set._t_env)
