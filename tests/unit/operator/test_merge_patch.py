"""Patches between two statuses."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flinktf_operator.merge_patch import merge_patch

_LEAF = st.integers() | st.text(max_size=3) | st.booleans() | st.lists(st.integers(), max_size=2)
_OBJECT = st.recursive(
    st.dictionaries(st.sampled_from("abc"), _LEAF, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), _LEAF | inner, max_size=3),
    max_leaves=8,
)


def _applied(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, as it is written there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _applied(result.get(name), value)
    return result


@given(_OBJECT, _OBJECT)
def test_the_patch_makes_the_one_into_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert _applied(before, merge_patch(before, after)) == after


@given(_OBJECT)
def test_nothing_is_written_when_nothing_changes(value: dict[str, Any]) -> None:
    assert merge_patch(value, value) == {}


def test_only_what_changed_is_in_it() -> None:
    before = {"phase": "Starting", "run": {"number": 1, "jobId": "a"}, "roles": [1], "step": 3}
    after = {"phase": "Running", "run": {"number": 1, "jobId": "b"}, "roles": [1]}
    assert merge_patch(before, after) == {"phase": "Running", "run": {"jobId": "b"}, "step": None}
