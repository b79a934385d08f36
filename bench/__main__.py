"""``make bench``: the training path beside its references, in one run, as ratios."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

from bench import paths
from bench.paths import Measured
from bench.shapes import SHAPES, Shape

GOALS = {"blackhole": 0.85, "pandas UDF": 2.5, "scalar UDF": 8.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", action="append", help="only these shapes (a part of the name)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds; each path's figure is the median")
    arguments = parser.parse_args()
    for shape in SHAPES:
        if not arguments.shape or any(part in shape.name for part in arguments.shape):
            report(shape, measure(shape, arguments.rounds))
    print("\nFrom the submission of a job to its first training step (examples/wine)", flush=True)
    started = paths.example("wine")
    print("  " + next(line for line in started.output.splitlines() if line.startswith("start: ")))
    print_memory(started)


def measure(shape: Shape, rounds: int) -> dict[str, list[Measured]]:
    """Every path ``rounds`` times, in turn, so that a slow moment of the machine does not hit one path alone."""
    every: dict[str, Callable[[], Measured]] = {
        "flinktf": lambda: paths.training(shape),
        "blackhole": lambda: paths.blackhole(shape),
        "pandas UDF": lambda: paths.udf(shape, "pandas", shape.pandas_rows),
        "scalar UDF": lambda: paths.udf(shape, "scalar", shape.scalar_rows),
    }
    found: dict[str, list[Measured]] = {name: [] for name in every}
    for _ in range(rounds):
        for name, path in every.items():
            found[name].append(path())
    return found


def report(shape: Shape, found: dict[str, list[Measured]]) -> None:
    """Prints one table: rates, and flinktf's as a multiple of each reference's, beside the goal."""
    rates = {name: statistics.median(m.rate for m in measured) for name, measured in found.items()}
    ours = rates["flinktf"]
    print(f"\n{shape.name} ({shape.row_bytes} B a row)", flush=True)
    for name, rate in rates.items():
        line = f"  {name:<12} {rate:>12,.0f} rows/s {rate * shape.row_bytes / 1e6:>9,.1f} MB/s"
        if name in GOALS:
            ratio = ours / rate
            line += (
                f"   flinktf is {ratio:5.2f} x of it, goal {GOALS[name]}{'' if ratio >= GOALS[name] else '  (missed)'}"
            )
        print(line, flush=True)
    print_memory(found["flinktf"][0])


def print_memory(measured: Measured) -> None:
    """The largest resident size of each process."""
    print("  memory: " + ", ".join(f"{name} {size >> 20} MiB" for name, size in measured.memory.items()), flush=True)


if __name__ == "__main__":
    main()
