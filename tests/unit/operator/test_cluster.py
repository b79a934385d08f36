"""Requests to the API server."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from flinktf_operator.cluster import as_yaml


@given(st.dictionaries(st.text(max_size=60), st.text() | st.integers() | st.none() | st.booleans()))
def test_what_is_applied_is_yaml_of_plain_characters(value: dict[str, object]) -> None:
    text = as_yaml(value)
    assert text.isascii()
    assert yaml.safe_load(text) == value
