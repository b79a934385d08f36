"""The JVM options are Flink's own."""

from __future__ import annotations

import yaml

from flinktf.flink.distribution import find
from flinktf.flink.java import OPTIONS


def test_they_are_those_of_the_distribution() -> None:
    configuration = yaml.safe_load((find().home / "conf" / "config.yaml").read_text())
    assert configuration["env"]["java"]["opts"]["all"].split() == OPTIONS.split()
