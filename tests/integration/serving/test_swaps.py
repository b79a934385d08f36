"""A hundred versions of a model, one after the other, under a job that predicts all the time.

An HTTP endpoint says which one is to be used: another one each time that it is asked. Small requests make the stream
last, without a pause.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from integration.harness import job_folder
from integration.serving.models import save

ROWS, VERSIONS = 1_000_000, 100
SQL = f"""
    CREATE TABLE numbers (id BIGINT, x AS CAST(1 AS FLOAT)) WITH (
        'connector' = 'datagen', 'rows-per-second' = '100000000', 'number-of-rows' = '{ROWS}',
        'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{ROWS - 1}');
    CREATE TABLE results (id BIGINT, y FLOAT, model_version BIGINT) WITH (
        'connector' = 'filesystem', 'path' = '${{code}}/results', 'format' = 'csv');
    CREATE MODEL times INPUT (x FLOAT) OUTPUT (y FLOAT, model_version BIGINT)
        WITH ('provider' = 'tensorflow', 'path' = 'ENDPOINT', 'option.poll' = '0.05',
            'batch.rows' = '20', 'option.max-rows' = '20');
    INSERT INTO results SELECT id, y, model_version FROM ML_PREDICT(TABLE numbers, MODEL times, DESCRIPTOR(x));
"""


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Who is asked answers with the next version, and in the end with the last one; once with one that is not there."""
    versions = itertools.chain(range(1, VERSIONS // 2), [VERSIONS + 1], range(VERSIONS // 2, VERSIONS + 1))
    last = {"version": VERSIONS, "path": f"times-{VERSIONS}"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = next(versions, None)
            told = {"version": number, "path": f"times-{number}"} if number is not None else last
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/model"
        server.shutdown()


@pytest.mark.long
def test_no_row_is_lost_doubled_or_out_of_order(tmp_path: Path, endpoint: str) -> None:
    for number in range(1, VERSIONS + 1):
        save(tmp_path / f"times-{number}", float(number))
    tensorflow = {"strategy": "Independent", "entrypoint": "flinktf.serving:serve"}
    sql = SQL.replace("ENDPOINT", endpoint)
    run = job_folder(tmp_path, "", sql=sql, tensorflow=tensorflow, roles=[{"name": "predictor"}]).run()
    assert run.code == 0, run.output
    files = sorted(file for file in (tmp_path / "results").rglob("*") if file.is_file())
    rows = [line.split(",") for file in files for line in file.read_text().splitlines()]
    assert [int(row[0]) for row in rows] == list(range(ROWS))
    versions = [int(row[2]) for row in rows]
    assert versions == sorted(versions)
    # Each was loaded; one that another one replaces before the next request has no row.
    assert len(set(versions)) > VERSIONS * 0.9
    assert versions[-1] == VERSIONS
    assert all(float(row[1]) == version for row, version in zip(rows, versions, strict=True))
    assert f"model version {VERSIONS + 1} refused" in run.output
