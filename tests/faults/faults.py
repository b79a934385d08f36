"""What can be done to a run: small values that inject a fault and, where it does not pass by itself, heal it."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from faults.running import Ended, Running
from faults.volume import as_root

BALLAST = "ballast"


class Fault(Protocol):
    """``heal`` does nothing for what nobody has to heal."""

    def inject(self, run: Running) -> None: ...

    def heal(self, run: Running) -> None: ...


class _NothingToHeal:
    def heal(self, run: Running) -> None:
        pass


@dataclass(frozen=True)
class Kill(_NothingToHeal):
    """SIGKILL for a process of the run, by its name (:meth:`Running.process`)."""

    process: str

    def inject(self, run: Running) -> None:
        run.process(self.process).send_signal(signal.SIGKILL)

    def __str__(self) -> str:
        return f"{self.process} killed"


@dataclass(frozen=True)
class OwnCode(_NothingToHeal):
    """The job's own code is the fault."""

    what: str

    def inject(self, run: Running) -> None:
        pass

    def __str__(self) -> str:
        return f"a step {self.what}"


@dataclass(frozen=True)
class Stop:
    """SIGSTOP: the process is there, and does nothing."""

    process: str

    def inject(self, run: Running) -> None:
        run.process(self.process).send_signal(signal.SIGSTOP)

    def heal(self, run: Running) -> None:
        with contextlib.suppress(psutil.NoSuchProcess, Ended):
            run.process(self.process).send_signal(signal.SIGCONT)

    def __str__(self) -> str:
        return f"{self.process} stopped"


@dataclass(frozen=True)
class Both:
    """Two faults in the same moment."""

    first: Fault
    second: Fault

    def inject(self, run: Running) -> None:
        self.first.inject(run)
        self.second.inject(run)

    def heal(self, run: Running) -> None:
        self.first.heal(run)
        self.second.heal(run)

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


@dataclass(frozen=True)
class Repeated(_NothingToHeal):
    """A fault, and again when its instance has come back and has begun."""

    fault: Fault
    instance: str
    times: int

    def inject(self, run: Running) -> None:
        for time in range(self.times):
            run.until(lambda status, time=time: run.began(status, self.instance) == time, f"restart {time}")
            self.fault.inject(run)

    def __str__(self) -> str:
        return f"{self.fault} {self.times} times"


@dataclass(frozen=True)
class OutOfMemory(_NothingToHeal):
    """The kernel's own out-of-memory killer, in a cgroup that has no memory for more than the process has."""

    process: str

    def inject(self, run: Running) -> None:
        first_version = Path("/sys/fs/cgroup/memory")
        group = (first_version if first_version.is_dir() else first_version.parent) / f"flinktf-{os.getpid()}"
        as_root("mkdir", str(group))
        try:
            victim = run.process(self.process)
            limit = "memory.limit_in_bytes" if first_version.is_dir() else "memory.max"
            _write(group / limit, 1 << 20)
            _write(group / "cgroup.procs", victim.pid)
            victim.wait(timeout=60)
        finally:
            as_root("rmdir", str(group))

    def __str__(self) -> str:
        return f"{self.process} out of memory"


@dataclass(frozen=True)
class Full:
    """No block is free where the models of checkpoints go."""

    def inject(self, run: Running) -> None:
        with contextlib.suppress(OSError), (run.folder / "checkpoints" / BALLAST).open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))

    def heal(self, run: Running) -> None:
        (run.folder / "checkpoints" / BALLAST).unlink()

    def __str__(self) -> str:
        return "disk full"


@dataclass(frozen=True)
class Unreachable:
    """Whoever writes where the models of checkpoints go waits, as for a file server that does not answer."""

    def inject(self, run: Running) -> None:
        as_root("fsfreeze", "--freeze", str(run.folder / "checkpoints"))

    def heal(self, run: Running) -> None:
        as_root("fsfreeze", "--unfreeze", str(run.folder / "checkpoints"))

    def __str__(self) -> str:
        return "volume does not answer"


@dataclass(frozen=True)
class Partition:
    """No packet goes through the ports at which their peers have these instances."""

    instances: tuple[str, ...]
    _ports: list[str] = field(default_factory=list, compare=False)

    def inject(self, run: Running) -> None:
        for role in run.status()["roles"]:
            if f"{role['role']}-{role['index']}" in self.instances:
                self._ports.append(role["address"].rsplit(":", 1)[1])
        self._rules("-I")

    def heal(self, run: Running) -> None:
        self._rules("-D")
        self._ports.clear()

    def __str__(self) -> str:
        return f"{' and '.join(self.instances)} cut off"

    def _rules(self, action: str) -> None:
        for port in self._ports:
            for end in ("--dport", "--sport"):
                as_root("iptables", action, "INPUT", "-i", "lo", "-p", "tcp", end, port, "-j", "DROP")


def _write(file: Path, value: int) -> None:
    as_root("sh", "-c", f"echo {value} > {file}")
