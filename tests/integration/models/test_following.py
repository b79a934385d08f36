"""Which version comes next: a table, and what holds for any history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf.models.following import Refusal, kept, next_version, standing
from flinktf.models.sources import Version

A, B, C = (Version(name, f"/{name}") for name in "abc")
LASTING, PASSING = Refusal(ValueError("bad"), False, ()), Refusal(ValueError("half"), True, ())


@pytest.mark.parametrize(
    ("candidates", "current", "refused", "chosen"),
    [
        ([], None, [], None),
        ([], A, [], None),
        ([A], None, [], A),
        ([A], A, [], None),
        ([B, A], A, [], B),
        ([B, A], None, [B], A),  # at first something is better than nothing
        ([B, A], A, [B], None),  # the old one goes on
        ([C, B, A], A, [C], B),
        ([A], B, [], A),  # an older one is announced: back to it
        ([A], B, [A], None),
        ([B, A], None, [A, B], None),
        ([Version("a", "/elsewhere")], A, [], Version("a", "/elsewhere")),
    ],
)
def test_which_version_comes_next(candidates, current, refused, chosen):
    assert next_version(candidates, current, dict.fromkeys(refused, LASTING)) == chosen


@pytest.mark.parametrize(
    ("refusal", "candidates", "files", "stands"),
    [
        (LASTING, [A], (), True),
        (LASTING, [A], (("f", 1, 1),), False),  # something has changed
        (LASTING, [B], (), False),  # nobody offers it
        (PASSING, [A], (), False),
    ],
)
def test_when_a_refusal_still_stands(refusal, candidates, files, stands):
    assert (A in standing({A: refusal}, candidates, lambda path: files)) is stands


@pytest.mark.parametrize(
    ("past", "current", "keep_old", "stay"),
    [([A, B], C, 1, (A,)), ([A, B], C, 2, (A, B)), ([A, B], C, 0, ()), ([B, A, B], A, 3, (B,)), ([], A, 1, ())],
)
def test_which_versions_stay_in_memory(past, current, keep_old, stay):
    assert kept(past, current, keep_old) == stay


versions = st.sampled_from([A, B, C])


@given(st.lists(versions, unique=True), st.none() | versions, st.sets(versions))
def test_what_is_chosen_is_offered_new_and_not_refused(candidates, current, refused):
    chosen = next_version(candidates, current, dict.fromkeys(refused, LASTING))
    if chosen is not None:
        assert chosen in candidates
        assert chosen not in refused
        assert chosen != current
        assert all(better in refused for better in candidates[: candidates.index(chosen)])
    elif current is None:
        assert set(candidates) <= refused
