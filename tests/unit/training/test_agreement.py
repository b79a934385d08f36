import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flinktf.training.loops.agreement import (
    AT_BARRIER,
    AT_END,
    HAS_BATCHES,
    EndEpoch,
    Offer,
    Save,
    Train,
    decide,
    table,
)


def test_the_sum_of_the_lines_is_the_table_of_all():
    offers = [Offer(HAS_BATCHES, 3, 16), Offer(AT_BARRIER, checkpoint=1 << 40)]
    total = sum(table(i, 2, offer) for i, offer in enumerate(offers))
    assert [Offer(*line) for line in total.tolist()] == offers


def test_those_with_batches_go_on_while_others_wait():
    offers = [Offer(HAS_BATCHES, 3, 16), Offer(HAS_BATCHES, 5, 7), Offer(AT_BARRIER, checkpoint=4), Offer(AT_END)]
    assert decide(offers) == Train(steps=3, rows=23)


def test_the_newest_barrier_is_saved_when_nobody_has_batches_before_it():
    offers = [Offer(AT_BARRIER, checkpoint=4), Offer(AT_BARRIER, checkpoint=6), Offer(AT_END)]
    assert decide(offers) == Save(6)


def test_one_stop_stops_all():
    assert decide([Offer(HAS_BATCHES, 1, 1), Offer(AT_END, stop=1)]) == EndEpoch(stopped=True)


STREAM = st.lists(st.one_of(st.tuples(st.integers(1, 9), st.integers(1, 5)), st.just("barrier")), max_size=8)


@given(st.lists(STREAM, min_size=1, max_size=4))
def test_all_streams_end_and_every_batch_and_barrier_is_taken(streams):
    """Workers that follow the decisions reach the end of any streams, whatever their lengths and barriers."""
    expected_rows = [sum(size * steps for size, steps in (i for i in s if i != "barrier")) for s in streams]
    left = [list(stream) for stream in streams]
    barrier = [0] * len(streams)
    answered = [0] * len(streams)
    rows = 0
    for _ in range(10_000):
        offers = []
        for worker, items in enumerate(left):
            if not items:
                offers.append(Offer(AT_END))
            elif items[0] == "barrier":
                offers.append(Offer(AT_BARRIER, checkpoint=barrier[worker] + 1))
            else:
                size, steps = items[0]
                offers.append(Offer(HAS_BATCHES, steps, size))
        decision = decide(offers)
        if isinstance(decision, EndEpoch):
            break
        for items, worker in zip(left, range(len(left)), strict=True):
            if isinstance(decision, Train) and offers[worker].state == HAS_BATCHES:
                size, steps = items.pop(0)
                rows += size * decision.steps
                if steps > decision.steps:
                    items.insert(0, (size, steps - decision.steps))
            elif isinstance(decision, Save) and offers[worker].state == AT_BARRIER:
                assert barrier[worker] + 1 <= decision.checkpoint
                items.pop(0)
                barrier[worker] += 1
                answered[worker] += 1
    else:
        raise AssertionError("no end")
    assert rows == sum(expected_rows)
    assert answered == [stream.count("barrier") for stream in streams]
    assert np.all([not items for items in left])
