"""Predictions in a job: SQL's ML_PREDICT and ``flinktf.flink.predict``, with a model that a role serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.harness import JobFolder, job_folder
from integration.serving.models import save

ROWS = 20_000
SQL = f"""
    CREATE TABLE numbers (id BIGINT, x AS CAST(id AS FLOAT)) WITH (
        'connector' = 'datagen', 'number-of-rows' = '{ROWS}',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{ROWS - 1}');
    CREATE TABLE results (id BIGINT, y FLOAT, model_version STRING, error STRING) WITH (
        'connector' = 'filesystem', 'path' = '${{code}}/results', 'format' = 'csv');
    CREATE MODEL doubling INPUT (x FLOAT) OUTPUT (y FLOAT, model_version STRING, error STRING)
        WITH ('provider' = 'tensorflow', 'path' = 'doubling'OPTIONS);
    INSERT INTO results SELECT id, y, model_version, error
        FROM ML_PREDICT(TABLE numbers, MODEL doubling, DESCRIPTOR(x));
"""
PYTHON = f"""
    from pyflink.table import DataTypes, Schema, TableDescriptor
    from flinktf.flink import predict

    def main(job):
        numbers = job.table_env.from_descriptor(
            TableDescriptor.for_connector('datagen')
            .schema(Schema.new_builder().column('id', DataTypes.BIGINT())
                    .column_by_expression('x', 'CAST(id AS FLOAT)').build())
            .option('number-of-rows', '{ROWS}').option('fields.id.kind', 'sequence')
            .option('fields.id.start', '0').option('fields.id.end', '{ROWS - 1}').build())
        found = predict(job.table_env, numbers, 'doubling', 'y FLOAT, model_version STRING, error STRING', ['x'])
        results = TableDescriptor.for_connector('filesystem').format('csv').option('path', f'{{job.code}}/results')
        columns = Schema.new_builder()
        for name, kind in (('id', 'BIGINT'), ('y', 'FLOAT'), ('model_version', 'STRING'), ('error', 'STRING')):
            columns.column(name, kind)
        job.statement_set.add_insert(results.schema(columns.build()).build(), found.drop_columns(found.x))
"""
SERVER = {
    "tensorflow": {"strategy": "Independent", "entrypoint": "flinktf.serving:serve"},
    "roles": [{"name": "predictor", "replicas": 2}],
}


def sql_folder(path: Path, options: str = "") -> JobFolder:
    return job_folder(path, "", sql=SQL.replace("OPTIONS", options), **SERVER)


def results(folder: Path) -> list[list[str]]:
    files = [file for file in (folder / "results").rglob("*") if file.is_file()]
    return [line.split(",") for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("kind", ["sql", pytest.param("python", marks=pytest.mark.long)])
def test_every_row_is_predicted_once(tmp_path: Path, kind: str) -> None:
    save(tmp_path / "doubling", 2.0)
    folder = sql_folder(tmp_path) if kind == "sql" else job_folder(tmp_path, "", python=PYTHON, **SERVER)
    run = folder.run()
    assert run.code == 0, run.output
    rows = results(tmp_path)
    assert sorted(int(row[0]) for row in rows) == list(range(ROWS))
    assert all(float(row[1]) == 2.0 * int(row[0]) and row[2] == "doubling" for row in rows)


def test_rows_that_the_model_refuses_are_set_apart(tmp_path: Path) -> None:
    """Its dead letters are the rows with an error."""
    save(tmp_path / "doubling", 2.0)
    folder = sql_folder(tmp_path, ", 'on-error' = 'null'")
    job = folder.path / "job.sql"
    job.write_text(job.read_text().replace("CAST(id AS FLOAT)", "CAST(id - 100 AS FLOAT)"))
    run = folder.run()
    assert run.code == 0, run.output
    rows = results(tmp_path)
    assert sorted(int(row[0]) for row in rows) == list(range(ROWS))
    refused = [row for row in rows if row[3]]
    assert sorted(int(row[0]) for row in refused) == list(range(100))
    assert all("negative numbers have no place" in row[3] and not row[1] for row in refused)


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("'path' = 'doubling'", "'path' = 'nowhere', 'option.load-timeout' = '2'", "no version of the model was ready"),
        pytest.param("INPUT (x FLOAT)", "INPUT (z FLOAT)", None, marks=pytest.mark.long),
        ("OUTPUT (y FLOAT,", "OUTPUT (y INT,", "'y'"),
        pytest.param(
            "'path' = 'doubling'", "'path' = 'doubling', 'signature' = 'other'", "other", marks=pytest.mark.long
        ),
        pytest.param("'path' = 'doubling'", "'path' = 'doubling', 'role' = 'tower'", "tower", marks=pytest.mark.long),
    ],
)
def test_wrong_models(tmp_path: Path, wrong: str, right: str, told: str | None) -> None:
    save(tmp_path / "doubling", 2.0)
    folder = sql_folder(tmp_path)
    job = folder.path / "job.sql"
    assert wrong in job.read_text()
    job.write_text(job.read_text().replace(wrong, right))
    run = folder.run()
    if told is None:  # by its place: the model has one input
        assert run.code == 0, run.output
    else:
        assert run.code == 1
        assert told in run.output
