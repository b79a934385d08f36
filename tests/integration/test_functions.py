"""User-defined functions of a ``job.py`` with a ``main``, and of a module beside it."""

from __future__ import annotations

from pathlib import Path

from integration.harness import job_folder

PIPELINE = """
    from flinktf.flink import Job
    from pyflink.table import DataTypes
    from pyflink.table.udf import ScalarFunction, udf

    from factors import twice


    class Times(ScalarFunction):
        def eval(self, value):
            return twice(value) + 1


    def main(job: Job) -> None:
        env = job.table_env
        env.execute_sql("CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '100',"
                        " 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '99')")
        env.execute_sql(f"CREATE TABLE sink (id BIGINT) WITH ('connector' = 'filesystem',"
                        f" 'path' = '{job.code}/results', 'format' = 'csv')")
        env.create_temporary_function("twice_and_one", udf(Times(), result_type=DataTypes.BIGINT()))
        job.statement_set.add_insert_sql("INSERT INTO sink SELECT twice_and_one(id) FROM numbers")
"""


def test_functions_of_the_job_reach_the_workers_of_flink(tmp_path: Path) -> None:
    (tmp_path / "factors.py").write_text("def twice(value):\n    return 2 * value\n")
    run = job_folder(tmp_path, "", python=PIPELINE, roles=[], tensorflow={"strategy": "Independent"}).run()
    assert run.code == 0, run.output
    lines = [line for file in (tmp_path / "results").rglob("part-*") for line in file.read_text().split()]
    assert sorted(map(int, lines)) == [2 * i + 1 for i in range(100)]
