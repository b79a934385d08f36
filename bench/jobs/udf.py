# SETTINGS, a dict, stands above this text: kind, source, query, columns, first.
import time
from pathlib import Path

from pyflink.table import DataTypes
from pyflink.table.udf import udf

from flinktf.flink import Job


def main(job: Job) -> None:
    settings = dict(SETTINGS)  # noqa: F821
    seen: list[float] = []

    def note_first_row() -> None:
        if not seen:
            seen.append(time.time())
            Path(settings["first"]).write_text(str(seen[0]))

    def scalar(*columns):
        note_first_row()
        total = 0.0
        for column in columns:
            if isinstance(column, str):
                total += len(column)
            elif isinstance(column, (int, float)):
                total += column
            else:
                total += sum(column)
        return total

    def pandas(*columns):
        import numpy as np
        import pandas as pd

        note_first_row()
        total = np.zeros(len(columns[0]))
        for column in columns:
            first = column.iloc[0]
            if isinstance(first, str):
                total += column.str.len().to_numpy()
            elif isinstance(first, (list, np.ndarray)):
                total += np.stack(column.to_numpy()).sum(axis=1)
            else:
                total += column.to_numpy()
        return pd.Series(total)

    if settings["kind"] == "pandas":
        touch = udf(pandas, result_type=DataTypes.DOUBLE(), func_type="pandas")
    else:
        touch = udf(scalar, result_type=DataTypes.DOUBLE())
    table_env = job.table_env
    table_env.create_temporary_function("touch", touch)
    table_env.execute_sql(settings["source"])
    table_env.execute_sql("CREATE TABLE sink (total DOUBLE) WITH ('connector' = 'blackhole')")
    columns = ", ".join(settings["columns"])
    job.statement_set.add_insert_sql(
        f"INSERT INTO sink SELECT touch({columns}) FROM ({settings['query']}) AS t({columns})"
    )
