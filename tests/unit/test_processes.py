"""Real processes: what ends, what is killed, what cannot escape."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from flinktf.processes import Child, spawn, terminate


async def _python(tmp_path: Path, code: str, name: str = "child") -> Child:
    return await spawn(name, [sys.executable, "-c", code], os.environ, tmp_path / f"{name}.log", tmp_path)


async def _printed(child: Child, text: str) -> None:
    for _ in range(200):
        if text in child.log_tail():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(child.log_tail())


async def test_a_child_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time, sys\nsignal.signal(15, lambda *_: (print('asked'), sys.exit(0)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    child = await _python(tmp_path, code)
    await _printed(child, "up")
    await terminate([child], grace=5)
    assert child.exit_code == 0
    assert "asked" in child.log_tail()


async def test_one_that_does_not_listen_is_killed_with_its_whole_group(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\nsignal.signal(15, signal.SIG_IGN)\n"
        "p = subprocess.Popen(['sleep', '60'])\nprint('grandchild', p.pid, flush=True)\ntime.sleep(60)"
    )
    child = await _python(tmp_path, code)
    await _printed(child, "grandchild")
    grandchild = int(child.log_tail().split()[1])
    await terminate([child], grace=0.3)
    assert child.exit_code == -signal.SIGKILL
    await asyncio.sleep(0.1)
    assert not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, pathlib, sys\nfrom flinktf.processes import spawn\n"
        "async def main():\n"
        "    child = await spawn('x', ['sleep', '60'], os.environ, pathlib.Path('x.log'), pathlib.Path('.'))\n"
        "    print(child.process.pid, flush=True)\n    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_orphans_are_buried_and_who_is_waited_for_is_not(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, pathlib, subprocess, time, psutil\n"
        "from flinktf.processes import become_subreaper, bury_orphans, spawn\n"
        "def children(): return sorted(p.status() for p in psutil.Process().children())\n"
        "async def main():\n"
        "    become_subreaper()\n"
        "    bury_orphans([])\n"
        "    ours = await spawn('x', ['sleep', '60'], os.environ, pathlib.Path('x.log'), pathlib.Path('.'))\n"
        "    subprocess.run(['sh', '-c', 'sleep 0.1 & sleep 0.2 & exit'], check=True)\n"
        "    while children() != ['sleeping', 'zombie', 'zombie']: time.sleep(0.02)\n"
        "    bury_orphans([ours])\n"
        "    assert children() == ['sleeping'], children()\n"
        "    ours.process.kill()\n"
        "    bury_orphans([ours])\n"
        "    assert await ours.process.wait() == -9\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=30)
