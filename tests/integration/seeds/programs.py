"""What the programs here have in common."""

from __future__ import annotations

import textwrap
from pathlib import Path

from integration.harness import JobFolder, job_folder

IMPORTS = """
    import json, os, sys, time
    from pyflink.common import Row
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import DataTypes, Schema, StreamTableEnvironment, TableDescriptor
    from flinktf.flink import tf_utils
    from flinktf.flink.tensorflow_context import TFContext
    from flinktf.flink.tf_cluster_config import TFClusterConfig

    FOLDER = os.path.dirname(os.path.abspath(sys.argv[0]))
"""
TABLES = """
    ROW = DataTypes.ROW([DataTypes.FIELD('x', DataTypes.FLOAT())])

    def tables():
        env = StreamExecutionEnvironment.get_execution_environment()
        return env, StreamTableEnvironment.create(env)

    def numbers(t_env, rows=512, kind=DataTypes.FLOAT()):
        schema = Schema.new_builder().column('x', kind).column_by_expression('y', '2 * x + 1').build()
        return t_env.from_descriptor(
            TableDescriptor.for_connector('datagen').schema(schema).option('number-of-rows', str(rows))
            .option('fields.x.min', '0').option('fields.x.max', '1').build())
"""


def program_folder(path: Path, *parts: str, workers: int = 2, **spec: object) -> JobFolder:
    """A job whose ``job.py`` is a program that executes by itself; nothing in the manifest says what the roles run."""
    whole = "".join(textwrap.dedent(part) for part in (IMPORTS, TABLES, *parts))
    defaults = {"tensorflow": {"strategy": "MultiWorkerMirrored"}}
    return job_folder(path, "", python=whole, workers=workers, **defaults | spec)
