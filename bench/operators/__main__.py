"""``python -m bench.operators``: FlinkTFJobs beside TFJobs, on nodes that KWOK pretends, in one run, as ratios."""

from __future__ import annotations

import argparse

from bench.operators.scenario import Measured, run
from bench.operators.subjects import flinktf, training_operator

_FREE = ("--kube-api-qps=500", "--kube-api-burst=1000", "--controller-threads=16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, action="append", help="jobs created at once; default 200 and 1,000")
    parser.add_argument("--idle", type=float, default=60, help="seconds that the jobs are left alone")
    parser.add_argument("--only", action="append", help="only these operators (a part of the name)")
    parser.add_argument(
        "--most", type=int, default=200, help="TFJobs at most: at its defaults 1,000 take a quarter of an hour"
    )
    arguments = parser.parse_args()
    reference = training_operator()
    subjects = (flinktf(), reference, training_operator("training-operator, its limits raised", *_FREE))
    for jobs in arguments.jobs or (200, 1000):
        print(f"\n{jobs:,} jobs of 4 pods, created at once", flush=True)
        found: dict[str, Measured] = {}
        for subject in subjects:
            wanted = not arguments.only or any(part in subject.name for part in arguments.only)
            if wanted and (subject is subjects[0] or jobs <= arguments.most):
                found[subject.name] = run(subject, jobs, arguments.idle)
                report(subject.name, found[subject.name])
        ours = found.get("flinktf")
        if ours is not None:
            print_goals(ours, found.get(reference.name))


def report(name: str, measured: Measured) -> None:
    """Prints what one operator took."""
    print(f"  {name}")
    for what, total, each in (
        ("children", measured.all_children, measured.children),
        ("pods", measured.all_pods, measured.pods),
    ):
        print(
            f"    {what:<10}{total:>8.1f} s until all are there; a job waits {percentile(each, 50):.1f} s (p50),"
            f" {percentile(each, 99):.1f} s (p99)"
        )
    jobs = measured.jobs
    print(
        f"    {'a job':<10}{measured.writes / jobs:>8.1f} writes, {1000 * measured.cpu / jobs:.1f} ms of CPU;"
        f" memory {measured.memory >> 20} MiB at most"
    )
    print(
        f"    {'idle':<10}{measured.idle_writes:>8} writes in {measured.idle_seconds:.0f} s,"
        f" {100 * measured.idle_cpu / max(measured.idle_seconds, 1):.1f} % of a CPU",
        flush=True,
    )


def print_goals(ours: Measured, reference: Measured | None) -> None:
    """flinktf beside what it should reach."""
    print("  goals")
    if ours.jobs == 200:
        goal("until all children are there", ours.all_children, 10, "s")
    if reference is not None:
        ratio = reference.all_children / ours.all_children
        print(f"    as fast as the training-operator: {ratio:.1f} x, goal 5{'' if ratio >= 5 else '  (missed)'}")
    goal("writes a job", ours.writes / ours.jobs, 12)
    goal("CPU a job", 1000 * ours.cpu / ours.jobs, 10, "ms")
    goal("memory", ours.memory / 1e6, 200, "MB")
    goal("writes while idle", ours.idle_writes, 0)
    if ours.reaction is not None:
        goal("right reaction after a restart", ours.reaction, 10, "s")


def goal(what: str, value: float, most: float, unit: str = "") -> None:
    """One line: a value that should be at most so large."""
    missed = "" if value <= most else "  (missed)"
    print(f"    {what}: {value:.1f} {unit}, goal {most:g}{missed}".replace(" ,", ","), flush=True)


def percentile(values: tuple[float, ...], percent: int) -> float:
    """The nearest rank; ``values`` are sorted."""
    return values[max(0, -(-len(values) * percent // 100) - 1)]


if __name__ == "__main__":
    main()
