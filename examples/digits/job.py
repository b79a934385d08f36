"""The Flink side of digits: images from a CSV file, four fifths to the workers, one fifth to the evaluator."""

from flinktf.flink import Job

COLUMNS = "label INT, pixels ARRAY<FLOAT>"


def main(job: Job) -> None:
    table_env = job.table_env
    table_env.execute_sql(f"""
        CREATE TABLE digits (id INT, {COLUMNS}) WITH (
            'connector' = 'filesystem', 'path' = '{job.code}/digits.csv.gz', 'format' = 'csv',
            'csv.array-element-delimiter' = ';')""")
    for role, rows in (("worker", "MOD(id, 5) <> 0"), ("evaluator", "MOD(id, 5) = 0")):
        table_env.execute_sql(f"CREATE TABLE {role} ({COLUMNS}) WITH ('connector' = 'flinktf', 'role' = '{role}')")
        job.statement_set.add_insert_sql(f"INSERT INTO {role} SELECT label, pixels FROM digits WHERE {rows}")
