"""Shows a running job: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flinktf.coordinator.state import UNWELL
from flinktf.local.snapshot import InstanceView, Snapshot

_LINE_EVERY: Final = 5.0
"""Seconds between two plain lines when nothing but the numbers changed."""

_STYLES: Final = {
    "Running": "green",
    "Succeeded": "bold green",
    "Done": "green",
    "Failed": "bold red",
    "Forming": "yellow",
}


class Progress:
    """A context manager; call :meth:`show` with each new look at the job."""

    def __init__(self, console: Console, job: str) -> None:
        self._console = console
        self._job = job
        self._last: Snapshot | None = None
        self._printed: Snapshot | None = None
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        for line in news(self._job, snapshot, self._last):
            self.say(line)
        if self._live:
            self._live.update(render(self._job, snapshot, self._last), refresh=True)
        else:
            for line in lines(self._job, snapshot, self._printed):
                self._console.print(line, highlight=False, soft_wrap=True, markup=False)
                self._printed = snapshot
        self._last = snapshot

    def say(self, text: str) -> None:
        """A line that stays, above the live table where there is one."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)


def render(job: str, now: Snapshot, before: Snapshot | None) -> Group:
    """The live view: one line for the job, one row for each role instance."""
    head = Text.assemble(
        (job, "bold"),
        f"  {now.at:5.1f} s  ",
        (now.phase, _STYLES.get(now.phase, "")),
        f"  Flink {now.flink}  generation {now.generation}",
        *([f"  loss {now.loss:.4f}"] if now.loss is not None else []),
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("role", "state", "step", "steps/s", "rows", "rows/s", "waits", "metrics", "memory", "GPU"):
        table.add_column(column, justify="left" if column in ("role", "state", "metrics") else "right")
    earlier = {instance.name: instance for instance in before.instances} if before else {}
    seconds = now.at - before.at if before else 0.0
    for instance in now.instances:
        previous = earlier.get(instance.name)
        table.add_row(
            instance.name,
            Text(_doing(instance), _STYLES.get(instance.state, "")),
            f"{instance.step:,}",
            _rate(instance.step, previous.step if previous else None, seconds),
            f"{instance.rows:,}",
            _rate(instance.rows, previous.rows if previous else None, seconds),
            f"{instance.starvation:.0%}" if instance.fed and instance.activity else "",
            _metrics(instance),
            f"{instance.rss / 2**20:,.0f} MiB" if instance.rss else "",
            _gpu(instance),
        )
    return Group(head, table)


def lines(job: str, now: Snapshot, before: Snapshot | None) -> Iterator[str]:
    """What a log says about the way from ``before``, the look that was printed last, to ``now``."""
    stamp = f"[{now.at:6.1f} s] {job}:"
    if before is None or (now.phase, now.flink, now.generation) != (before.phase, before.flink, before.generation):
        yield f"{stamp} {now.phase}, Flink {now.flink}, generation {now.generation}"
    earlier = {instance.name: _doing(instance) for instance in before.instances} if before else {}
    for instance in now.instances:
        if _doing(instance) != earlier.get(instance.name, _doing(instance)):
            yield f"{stamp} {instance.name} is {_doing(instance)}"
    if before and now.step > before.step and (before.step == 0 or now.at - before.at >= _LINE_EVERY):
        loss = f", loss {now.loss:.4f}" if now.loss is not None else ""
        seconds = max(now.at - before.at, 1e-3)
        yield (
            f"{stamp} step {now.step:,}, rows {now.rows:,} "
            f"({_rate(now.rows, before.rows, seconds)} rows/s, {_rate(now.step, before.step, seconds)} steps/s){loss}"
        )


def news(job: str, now: Snapshot, before: Snapshot | None) -> Iterator[str]:
    """Notices that were not there before: a job without an end has no summary to tell them."""
    told = Counter(before.notices if before else ())
    for notice in now.notices:
        if told[notice]:  # the same words may come again: version 1 is swapped in, and later once more
            told[notice] -= 1
        else:
            yield f"[{now.at:6.1f} s] {job}: {notice}"


def _doing(instance: InstanceView) -> str:
    """Its state, or what is wrong with it."""
    return instance.activity if instance.activity in UNWELL else instance.state


def _rate(now: int, before: int | None, seconds: float) -> str:
    return f"{(now - before) / seconds:,.0f}" if before is not None and seconds > 0 else ""


def _metrics(instance: InstanceView) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in instance.metrics.items())


def _gpu(instance: InstanceView) -> str:
    use = f"{instance.gpu['use']:.0%} " if "use" in instance.gpu else ""
    return use + (f"{instance.gpu['memory'] / 2**20:,.0f} MiB" if "memory" in instance.gpu else "")
