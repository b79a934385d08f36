"""TensorFlow on Flink's ML operator: an application master, and named roles with a configuration each.

A role is a source, which reads its data itself (batch mode), or takes the rows of a table; and it may give rows back.
Its code gets a ``TFContext``. The application master is the job's coordinator: it makes the cluster, and keeps its
state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flinktf.flink.cluster_config import PS, WORKER, ClusterConfig
from flinktf.flink.gateway import connector

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.table import Schema, StatementSet, Table


def add_am_role(statement_set: StatementSet, config: ClusterConfig) -> None:
    """Requires that the cluster of ``config`` is the one of the FlinkTFJob: a role in it with so many replicas."""
    connector().client.TFUtils.addAMRole(statement_set._j_statement_set, config.to_java())


def add_role(
    statement_set: StatementSet,
    role: str,
    config: ClusterConfig,
    input_table: Table | None = None,
    output_schema: Schema | None = None,
) -> Table | None:
    """A role that runs the entry of ``config``: without records, on the rows of ``input_table``, or, with an
    ``output_schema``, giving rows back. Those are the table that is returned; insert it into the same statement set."""
    statements, java = statement_set._j_statement_set, config.to_java()
    if input_table is None:
        if output_schema is not None:
            raise ValueError(f"role {role!r} has an output_schema and no input_table: a role gives rows back for rows")
        connector().client.TFUtils.addRole(statements, role, java)
        return None
    if output_schema is None:
        connector().client.TFUtils.addRole(statements, role, java, input_table._j_table, 1)
        return None
    from pyflink.table import Table

    result = connector().client.TFUtils.addRole(statements, role, java, input_table._j_table, output_schema._j_schema)
    return Table(result, statement_set._t_env)


def train(
    num_worker: int,
    num_ps: int,
    func: Callable[[Any], Any],
    properties: Mapping[str, str] | None = None,
    *,
    stream_env: StreamExecutionEnvironment,
    input_ds: DataStream | None = None,
    output_row_type: Any = None,
) -> DataStream | None:
    """TensorFlow on Flink's ``train``: ``func`` in every worker and ps, the records of ``input_ds`` to the workers.

    With an ``output_row_type`` (PyFlink's ``Types.ROW_NAMED``) it is ``inference``, and returns what the workers write.
    ``stream_env.execute()`` runs the job.
    """
    from pyflink.table import StreamTableEnvironment

    builder = ClusterConfig.new_builder().set_worker_count(num_worker).set_node_entry(func)
    if num_ps:
        builder.set_ps_count(num_ps)
    for key, value in (properties or {}).items():
        builder.set_property(key, value)
    config, tables = builder.build(), StreamTableEnvironment.create(stream_env)
    statements = tables.create_statement_set()
    add_am_role(statements, config)
    if num_ps:
        add_role(statements, PS, config)
    rows = tables.from_data_stream(input_ds) if input_ds is not None else None
    schema = None if output_row_type is None else _schema(output_row_type)
    result = add_role(statements, WORKER, config, rows, schema)
    if statements._j_statement_set.getOperations():
        statements.attach_as_datastream()
    return tables.to_data_stream(result) if result is not None else None


def _schema(row_type: Any) -> Schema:
    from pyflink.java_gateway import get_gateway
    from pyflink.table import Schema

    converter = get_gateway().jvm.org.apache.flink.table.types.utils.TypeConversions
    data_type = converter.fromLegacyInfoToDataType(row_type.get_java_type_info())
    return Schema(get_gateway().jvm.org.apache.flink.table.api.Schema.newBuilder().fromRowDataType(data_type).build())
