"""What a role process tells of its waits."""

from __future__ import annotations

import json
import socket
import threading

from flinktf.training.activity import Activity
from flinktf.training.control import Control


def test_waits_of_several_threads_count_once() -> None:
    activity, both = Activity(), threading.Barrier(3)

    def wait() -> None:
        with activity.waiting("records"):
            both.wait(timeout=10)
            both.wait(timeout=10)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(timeout=10)
    assert activity.pulse()["waiting"] == "records"
    both.wait(timeout=10)
    for thread in threads:
        thread.join()
    pulse = activity.pulse()
    assert pulse["waiting"] is None
    assert pulse == activity.pulse()  # no time is added any more


def test_records_are_named_before_peers() -> None:
    activity = Activity()
    with activity.waiting("peers"), activity.waiting("records"):
        assert activity.pulse()["waiting"] == "records"
    with activity.waiting("peers"):
        assert activity.pulse()["waiting"] == "peers"


def test_the_pulse_goes_to_the_agent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        activity = Activity()
        activity.moved()
        activity.tell(Control(theirs))
        ours.settimeout(10)
        told = json.loads(ours.makefile().readline())
    assert told == {"event": "pulse", "waiting": None, "waited": {"records": 0.0, "peers": 0.0}, "moves": 1}
