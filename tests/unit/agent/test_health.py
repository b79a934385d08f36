"""Health from pulses: a table of lives, each a look a second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flinktf.agent.health import Health, Pulse, Seen, look, pulse_from

FIRST = Seen(Pulse(None, 0.0, 0.0, 0), 0.0, "training", 0, 0)


def live(seconds: int, *, steps: float = 0.0, records: float = 0.0, peers: float = 0.0, **always: object) -> Health:
    """The health after ``seconds`` of a life that makes so many steps a second, and waits for such shares of it."""
    health, beats = Health(), not always.pop("silent", False)
    waiting = always.pop("waiting", None)
    for second in range(seconds + 1):
        pulse = Pulse(waiting, records * second, peers * second, 0)  # type: ignore[arg-type]
        seen = replace(FIRST, pulse=pulse, pulse_at=float(second if beats else 0), step=int(steps * second))
        health = look(health, replace(seen, **always), float(second))  # type: ignore[arg-type]
    return health


@pytest.mark.parametrize(
    ("life", "end", "activity", "stuck"),
    [
        (live(30, steps=5), 30, "Working", 0),
        (live(30), 30, "Working", 30),
        (live(60, records=0.9, waiting="records"), 60, "WaitingForRecords", 0),
        (live(60, peers=0.95, waiting="peers"), 60, "WaitingForPeers", 0),
        (live(60, steps=1, records=0.6), 60, "Working", 0),
        (live(30, silent=True), 30, "Unresponsive", 30),
        (live(30, silent=True, waiting="records"), 30, "Unresponsive", 25),
        (live(30, stopped=True), 30, "Stopped", 30),
        (live(30, phase="serving"), 30, "Working", 0),
        (live(30, phase="serving", silent=True), 30, "Unresponsive", 25),
    ],
)
def test_a_life(life: Health, end: float, activity: str, stuck: float) -> None:
    assert (life.activity, life.stuck(end)) == (activity, stuck)


def test_rates_and_shares_come_near_what_they_are() -> None:
    health = live(60, steps=5, records=0.4)
    assert health.rate == pytest.approx(5, rel=0.01)
    assert health.starvation == pytest.approx(0.4, rel=0.01)


def test_who_waits_is_said_to_wait_until_it_works_for_most_of_its_time() -> None:
    health, last = live(60, records=0.9), FIRST
    for second, share in ((61, 0.6), (62, 0.6), (63, 0.6)):
        last = replace(FIRST, pulse=Pulse(None, 54 + share * (second - 60), 0.0, 0), pulse_at=second)
        health = look(health, last, float(second))
    assert health.activity == "WaitingForRecords"
    assert live(60, records=0.7).activity == "Working"  # it has never waited for more


def test_it_is_stalled_after_its_time_and_when_stopped_after_half_of_it() -> None:
    assert not live(9).stalled(9.0, 10.0)
    assert live(11).stalled(11.0, 10.0)
    assert live(6, stopped=True).stalled(6.0, 10.0)


def test_nothing_is_judged_before_the_first_pulse() -> None:
    health = look(Health(), replace(FIRST, pulse=None), 1000.0)
    assert (health.activity, health.stuck(1000.0)) == ("", 0.0)


@pytest.mark.parametrize("event", [{}, {"waiting": None, "waited": {}, "moves": 0}, {"waited": 3, "waiting": 1}])
def test_a_pulse_that_makes_no_sense_is_an_error(event: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        pulse_from(event)
