"""The queue of jobs to look at."""

from __future__ import annotations

import asyncio
import time

import pytest

from flinktf_operator.workqueue import WorkQueue


async def _next(queue: WorkQueue[str], seconds: float = 1.0) -> str:
    async with asyncio.timeout(seconds):
        return await queue.get()


async def test_added_twice_is_taken_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("wine")
    queue.add("wine")
    assert queue.depth == 1
    assert await _next(queue) == "wine"
    queue.done("wine")
    assert queue.depth == 0


async def test_in_the_order_in_which_they_came() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("b", "a", "c", "a"):
        queue.add(key)
    assert [await _next(queue) for _ in range(3)] == ["b", "a", "c"]


async def test_what_is_worked_on_comes_again_only_when_it_is_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("wine")
    await _next(queue)
    queue.add("wine")
    with pytest.raises(TimeoutError):
        await _next(queue, 0.05)
    queue.done("wine")
    assert await _next(queue) == "wine"


async def test_a_waiting_worker_is_woken() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waiting = [asyncio.create_task(_next(queue)) for _ in range(3)]
    await asyncio.sleep(0.01)
    for key in ("a", "b", "c"):
        queue.add(key)
    assert sorted(await asyncio.gather(*waiting)) == ["a", "b", "c"]


async def test_the_earlier_of_two_wishes_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    began = time.monotonic()
    queue.add_after("wine", 0.2)
    queue.add_after("wine", 0.05)
    queue.add_after("wine", 30)
    await _next(queue)
    assert time.monotonic() - began < 0.15
    queue.done("wine")
    with pytest.raises(TimeoutError):  # the later wishes are gone with it
        await _next(queue, 0.25)


async def test_a_wish_made_while_another_one_is_waited_for() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("late", 30)
    waiting = asyncio.create_task(_next(queue))
    await asyncio.sleep(0.01)
    queue.add_after("soon", 0.01)
    assert await waiting == "soon"


async def test_retries_come_later_each_time_up_to_a_cap() -> None:
    queue: WorkQueue[str] = WorkQueue()
    pauses = [queue.retry("wine") for _ in range(40)]
    assert 0.4 <= pauses[0] <= 0.6
    assert all(later > sooner for sooner, later in zip(pauses[:8:2], pauses[1:8:2], strict=True))
    assert max(pauses) <= 360
    assert queue.failures("wine") == 40
    queue.forget("wine")
    assert queue.failures("wine") == 0
    assert queue.retry("wine") <= 0.6


async def test_the_longest_work_is_known() -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert queue.longest == 0
    queue.add("wine")
    await _next(queue)
    await asyncio.sleep(0.02)
    assert queue.longest >= 0.02
    queue.done("wine")
    assert queue.longest == 0
