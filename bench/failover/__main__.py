"""``python -m bench.failover``: kills a worker again and again; trains with and without checkpoints."""

from __future__ import annotations

import argparse
import statistics

from bench.failover.checkpoints import GOAL as LOST_GOAL
from bench.failover.checkpoints import rate
from bench.failover.restart import GOALS, Restart, restarts, silence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3, help="for each strategy; figures are medians")
    parser.add_argument("--seconds", type=float, default=60, help="of training, with and without checkpoints")
    arguments = parser.parse_args()
    print("\nFrom SIGKILL for a worker's TensorFlow process to the next training step", flush=True)
    for strategy, scope in (("MultiWorkerMirrored", "Gang"), ("Independent", "Role")):
        report(f"{strategy}, {scope}", restarts(strategy, arguments.kills))
    print("\nFrom SIGSTOP for an agent, who is as silent as one of a lost pod", flush=True)
    _line("until it is told", silence(arguments.kills), GOALS["silence"])
    without, with_them = rate(None, arguments.seconds), rate("10s", arguments.seconds)
    lost = 100 * (1 - with_them / without)
    print(f"\nA checkpoint every 10 s: {with_them:,.0f} rows/s, without {without:,.0f}", flush=True)
    print(f"  it costs {lost:.1f} %, goal {LOST_GOAL} %{'' if lost <= LOST_GOAL else '  (missed)'}", flush=True)


def report(name: str, found: list[Restart]) -> None:
    print(f"\n{name}, {len(found)} kills", flush=True)
    for part in Restart.PARTS:
        _line(part.replace("_", " "), [getattr(one, part) for one in found], GOALS.get(part))


def _line(name: str, seconds: list[float], goal: float | None) -> None:
    median = statistics.median(seconds)
    told = f"   goal {goal:g} s{'' if median <= goal else '  (missed)'}" if goal is not None else ""
    print(f"  {name:<22} {median:6.2f} s{told}", flush=True)


if __name__ == "__main__":
    main()
