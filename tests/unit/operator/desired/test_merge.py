"""A user's pod template over ours. What kubectl makes of the same two: tests/e2e/test_pod_template.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flinktf_operator.desired.merge import merge

OURS = {
    "containers": [{"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}]}, {"name": "b", "image": "y"}],
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "gpu"}],
}


@pytest.mark.parametrize(
    ("theirs", "path", "expected"),
    [
        ({}, ("nodeSelector",), {"disk": "ssd"}),
        ({"nodeSelector": {"zone": "z"}}, ("nodeSelector",), {"disk": "ssd", "zone": "z"}),
        ({"nodeSelector": {"disk": None}}, ("nodeSelector",), {}),
        ({"nodeSelector": {"$patch": "replace", "zone": "z"}}, ("nodeSelector",), {"zone": "z"}),
        ({"nodeSelector": {"$patch": "delete"}}, ("nodeSelector",), {}),
        ({"containers": [{"name": "a", "image": "z"}]}, ("containers", 0, "image"), "z"),
        ({"containers": [{"name": "a", "image": "z"}]}, ("containers", 1, "name"), "b"),
        ({"containers": [{"name": "c"}]}, ("containers", 2), {"name": "c"}),
        ({"containers": [{"name": "b", "$patch": "delete"}]}, ("containers", -1, "name"), "a"),
        (
            {"containers": [{"name": "a", "env": [{"name": "B", "value": "2"}]}]},
            ("containers", 0, "env"),
            [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        ),
        ({"tolerations": [{"key": "spot"}, {"key": "gpu"}]}, ("tolerations",), [{"key": "gpu"}, {"key": "spot"}]),
        ({"hostNetwork": True}, ("hostNetwork",), True),
    ],
)
def test_merged(theirs: dict[str, Any], path: tuple[Any, ...], expected: object) -> None:
    found: Any = merge(OURS, theirs)
    for part in path:
        found = found[part]
    assert found == expected


def test_ports_are_told_apart_by_number_and_protocol() -> None:
    ours = {"ports": [{"containerPort": 80, "name": "http"}]}
    theirs = {
        "ports": [{"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP", "name": "web"}]
    }
    assert [port.get("name") for port in merge(ours, theirs)["ports"]] == ["web", None]


_POD = st.fixed_dictionaries(
    {},
    optional={
        "nodeSelector": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
        "hostNetwork": st.booleans(),
        "tolerations": st.lists(st.fixed_dictionaries({"key": st.sampled_from("ab")}), max_size=2, unique_by=str),
        "containers": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"image": st.sampled_from("xy")}),
            max_size=3,
            unique_by=lambda container: container["name"],
        ),
    },
)


@given(_POD, _POD)
def test_twice_is_once_and_nothing_is_changed_in_place(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    before = repr((ours, theirs))
    once = merge(ours, theirs)
    assert merge(once, theirs) == once
    assert repr((ours, theirs)) == before


@given(_POD, _POD, _POD)
def test_it_does_not_matter_which_two_are_merged_first(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
