"""Rows through a role and back into the pipeline, from PyFlink."""

from __future__ import annotations

from pathlib import Path

from integration.harness import job_folder

DOUBLE = """
    from flinktf import Row

    def main(context):
        writer = context.get_row_writer_to_flink()
        for x in context.dataset(batch_size=100).batches():
            for id, value in zip(x["id"], x["value"]):
                writer.write(Row(id=int(id), doubled=2 * float(value)))
        writer.close()
"""

PIPELINE = """
    from flinktf.flink import Job, transform

    def main(job: Job) -> None:
        env = job.table_env
        env.execute_sql("CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000',"
                        " 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '999')")
        table = env.sql_query("SELECT id, CAST(id AS DOUBLE) / 4 AS `value` FROM numbers")
        results = transform(env, table, "id BIGINT, doubled DOUBLE", "worker")
        env.execute_sql(f"CREATE TABLE sink (id BIGINT, doubled DOUBLE) WITH ('connector' = 'filesystem',"
                        f" 'path' = '{job.code}/results', 'format' = 'csv')")
        job.statement_set.add_insert("sink", results)
"""


def test_a_transform_returns_every_row_once(tmp_path: Path) -> None:
    run = job_folder(tmp_path, DOUBLE, python=PIPELINE, workers=2).run()
    assert run.code == 0, run.output
    lines = [line for file in (tmp_path / "results").rglob("part-*") for line in file.read_text().split()]
    found = sorted((int(line.split(",")[0]), float(line.split(",")[1])) for line in lines)
    assert found == [(i, i / 2) for i in range(1000)]
