"""Who may take the lease."""

from __future__ import annotations

import pytest

from flinktf_operator.leader import Seen, may_take, observe


@pytest.mark.parametrize(
    ("holder", "silent", "allowed"),
    [
        ("", 0.0, True),  # given back
        ("me", 0.0, True),
        ("me", 100.0, True),
        ("other", 0.0, False),
        ("other", 14.9, False),
        ("other", 15.0, True),  # not renewed for as long as it lasts
    ],
)
def test_may_take(holder: str, silent: float, allowed: bool) -> None:
    assert may_take(Seen(holder, "t", 50.0), "me", 50.0 + silent) is allowed


def test_a_renewal_starts_the_time_again() -> None:
    first = observe(None, {"holderIdentity": "other", "renewTime": "t1"}, 10.0)
    same = observe(first, {"holderIdentity": "other", "renewTime": "t1"}, 20.0)
    renewed = observe(same, {"holderIdentity": "other", "renewTime": "t2"}, 24.0)
    assert (first.at, same.at, renewed.at) == (10.0, 10.0, 24.0)
    assert may_take(same, "me", 25.0)
    assert not may_take(renewed, "me", 25.0)


def test_the_clocks_of_the_nodes_do_not_count() -> None:
    """A holder whose clock is an hour late renews all the same."""
    seen = observe(None, {"holderIdentity": "other", "renewTime": "1970-01-01T00:00:00.000000Z"}, 10.0)
    assert not may_take(seen, "me", 20.0)


def test_a_lease_without_a_holder_is_free() -> None:
    assert may_take(observe(None, {}, 1.0), "me", 1.0)
