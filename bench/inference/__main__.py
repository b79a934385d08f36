"""``python -m bench.inference``: models behind Flink, beside Flink alone, the model alone, and models in UDFs."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.inference import jobs
from bench.inference.models import WIDTHS
from bench.paths import run_spec, task_times

ROWS = {"small": 8_000_000, "heavy": 400_000}
PANDAS = {"small": 2_000_000, "heavy": 400_000}
SCALAR = 300
_PACED = 40
"""Seconds that paced rows take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", choices=WIDTHS, help="only these")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        _models(models)
        for name in arguments.model or WIDTHS:
            _report(name, models / name)


def _report(name: str, model: Path) -> None:
    rows = ROWS[name]
    print(f"\n{name}: 10 FLOAT through layers of {', '.join(map(str, WIDTHS[name]))}", flush=True)
    alone = _slope(jobs.blackhole, "sql", ROWS["small"], jobs.ALONE)
    direct = float(_models(model.parent, "--direct", name))
    slower = min(alone, direct)
    print(f"  Flink alone {alone:,.0f} rows/s, the model alone {direct:,.0f}", flush=True)
    ours = _slope(lambda n: jobs.predict(n, model), "py", rows, jobs.SERVED)
    sql = _slope(lambda n: jobs.ml_predict(n, model), "sql", rows, jobs.SERVED)
    print(f"  flinktf.flink.predict {ours:,.0f} rows/s, {ours / slower:.2f} of the slower one (goal 0.7)", flush=True)
    print(f"  ML_PREDICT            {sql:,.0f} rows/s, {sql / slower:.2f} of it", flush=True)
    pandas = _udf(model, "pandas", PANDAS[name])
    scalar = _udf(model, "scalar", SCALAR)
    print(f"  pandas UDF, signature {pandas:,.0f} rows/s: predict is {ours / pandas:.1f} x of it (goal 1.5)")
    print(f"  scalar UDF, Keras     {scalar:,.0f} rows/s: predict is {ours / scalar:,.0f} x of it (goal 50)")
    print(f"  predict at half load    {_latency(model, int(ours / 2), ml_predict=False)}", flush=True)
    print(f"  ML_PREDICT at half load {_latency(model, int(sql / 2), ml_predict=True)}", flush=True)


def _models(folder: Path, *more: str) -> str:
    command = [sys.executable, "-m", "bench.inference.models", str(folder), *more]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout


def _slope(text: Callable[[int], str], suffix: str, rows: int, spec: dict[str, Any]) -> float:
    """Rows a second, from how much longer three times the rows take: what is only at the begin cancels out."""
    short, long = (_seconds(text(count), suffix, spec) for count in (rows, 3 * rows))
    return 2 * rows / (long - short)


def _seconds(text: str, suffix: str, spec: dict[str, Any]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        run_spec(Path(folder), f"job.{suffix}", text, spec)
        running, finished = task_times(Path(folder))
        return finished - running


def _udf(model: Path, kind: str, rows: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        run_spec(Path(folder), "job.py", jobs.udf(rows, model, kind), jobs.ALONE)
        _, finished = task_times(Path(folder))
        return rows / (finished - float((model.parent / "first").read_text()))


def _latency(model: Path, rate: int, *, ml_predict: bool) -> str:
    """Of the last ten seconds: before, rows wait for the model to be loaded, and then the stream catches up."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results")
        _compile(Path(folder, "paced.jar"))
        text = jobs.latency(rate, _PACED, model, results, ml_predict=ml_predict)
        run_spec(Path(folder), "job.py", text, jobs.PACED)
        rows = [line.split(",") for file in results.rglob("part-*") for line in file.read_text().splitlines()]
        last = max(int(row[0]) for row in rows)
        took = sorted(int(row[1]) / 1e6 for row in rows if int(row[0]) > last - 10e9)
    return f"p50 {took[len(took) // 2]:.1f} ms, p99 {took[len(took) * 99 // 100]:.1f} ms at {rate:,} rows/s"


def _compile(jar: Path) -> None:
    """The source that paces rows, and the function that looks at the clock."""
    import pyflink

    flink = Path(pyflink.__file__).parent / "lib" / "*"
    with tempfile.TemporaryDirectory() as classes:
        sources = map(str, Path(__file__).parent.glob("*.java"))
        subprocess.run(["javac", "--release", "17", "-cp", str(flink), "-d", classes, *sources], check=True)
        subprocess.run(["jar", "--create", "--file", str(jar), "-C", classes, "."], check=True)


if __name__ == "__main__":
    main()
