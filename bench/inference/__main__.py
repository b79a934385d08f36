"""``python -m bench.inference``: models behind Flink, beside Flink alone, the model alone, and models in UDFs."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.inference import jobs
from bench.inference.models import WIDTHS
from bench.inference.sources import Csv, Datagen, Source
from bench.paths import run_spec, task_times

PANDAS = {"small": 2_000_000, "heavy": 400_000}
SCALAR = 300
_ROUNDS = 3
"""Of each rate, with all others in between: a shared machine is another one from one minute to the next."""
_PACED = 40
"""Seconds that paced rows take."""


class Case(NamedTuple):
    """Rows of each kind's short run, which takes some ten seconds; its long run has three times as many."""

    source: Source
    predict: int
    ml_predict: int
    alone: int


class Round(NamedTuple):
    """Rows a second of jobs that ran one after the other. ``direct`` is the model, called on batches in memory."""

    alone: float
    direct: float
    predict: float
    ml_predict: float

    def of_the_slower(self, rate: float) -> float:
        """Of what a pipeline with a model cannot pass: what Flink does alone, or the model."""
        return rate / min(self.alone, self.direct)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", choices=WIDTHS, help="only these")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each rate is measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder, "models")
        _models(models)
        datagen = Datagen()
        cases = {
            "small": [
                Case(datagen, predict=16_000_000, ml_predict=4_000_000, alone=20_000_000),
                Case(Csv(Path(folder, "csv")), predict=5_000_000, ml_predict=3_000_000, alone=5_000_000),
            ],
            "heavy": [Case(datagen, predict=800_000, ml_predict=800_000, alone=20_000_000)],
        }
        for name in arguments.model or WIDTHS:
            print(f"\n{name}: 10 FLOAT through layers of {', '.join(map(str, WIDTHS[name]))}", flush=True)
            for case in cases[name]:
                rounds = [_round(case, models / name) for _ in range(arguments.rounds)]
                _report(case.source, rounds)
                if case.source is datagen:
                    _others(datagen, models / name, rounds)


def _round(case: Case, model: Path) -> Round:
    ddl = case.source.ddl
    return Round(
        _slope(lambda rows: jobs.alone(ddl(rows)), "sql", case.alone, jobs.ALONE),
        float(_models(model.parent, "--direct", model.name)),
        _slope(lambda rows: jobs.predict(ddl(rows), model), "py", case.predict, jobs.SERVED),
        _slope(lambda rows: jobs.ml_predict(ddl(rows), model), "sql", case.ml_predict, jobs.SERVED),
    )


def _report(source: Source, rounds: list[Round]) -> None:
    """Each rate's median, and of the ratios, which are of one round each, the median and the extremes."""
    alone, direct, ours, sql = (median(rates) for rates in zip(*rounds, strict=True))
    print(f"  from {source.name}: Flink alone {alone:,.0f} rows/s, the model alone {direct:,.0f}")
    for name, rate, ratios in (
        ("flinktf.flink.predict", ours, [one.of_the_slower(one.predict) for one in rounds]),
        ("ML_PREDICT", sql, [one.of_the_slower(one.ml_predict) for one in rounds]),
    ):
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"    {name:21} {rate:,.0f} rows/s, {median(ratios):.2f} of the slower one ({spread}; goal 0.7)", flush=True
        )


def _others(source: Source, model: Path, rounds: list[Round]) -> None:
    """UDFs, and the latency at half of each rate."""
    ours = median(one.predict for one in rounds)
    pandas = _udf(source, model, "pandas", PANDAS[model.name])
    scalar = _udf(source, model, "scalar", SCALAR)
    print(f"  pandas UDF, signature {pandas:,.0f} rows/s: predict is {ours / pandas:.1f} x of it (goal 1.5)")
    print(f"  scalar UDF, Keras     {scalar:,.0f} rows/s: predict is {ours / scalar:,.0f} x of it (goal 50)")
    # Of the slowest round: in another minute the machine may not keep up with half of the median.
    slowest = Round(*map(min, zip(*rounds, strict=True)))
    print(f"  predict at half load    {_latency(model, int(slowest.predict / 2), ml_predict=False)}", flush=True)
    print(f"  ML_PREDICT at half load {_latency(model, int(slowest.ml_predict / 2), ml_predict=True)}", flush=True)


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


def _udf(source: Source, model: Path, kind: str, rows: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        run_spec(Path(folder), "job.py", jobs.udf(source.ddl(rows), model, kind), jobs.ALONE)
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
