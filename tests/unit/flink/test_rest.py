"""What is read from Flink's REST answers."""

from __future__ import annotations

import pytest

from flinktf.flink.rest import all_but

CHAINED = {
    "Source: numbers[1] -> Calc[2]": [],
    "sink[3]: Writer": ["Source: numbers[1] -> Calc[2]"],
    "Source: role: predictor -> end: Writer": [],
}
APART = {
    "Source: numbers[1]": [],
    "role: predictor": ["Source: numbers[1]"],
    "nothing follows: Writer": ["role: predictor"],
    "Source: role: other": [],
    "end: Writer": ["Source: role: other"],
}


@pytest.mark.parametrize(
    ("vertices", "running", "over"),
    [
        (CHAINED, {"Source: role: predictor -> end: Writer"}, True),
        (CHAINED, {"Source: role: predictor -> end: Writer", "sink[3]: Writer"}, False),
        (APART, {"role: predictor", "nothing follows: Writer", "Source: role: other", "end: Writer"}, True),
        (APART, {"role: predictor", "nothing follows: Writer", "Source: numbers[1]"}, False),
        ({"Source: role: predictor": []}, {"Source: role: predictor"}, False),
    ],
)
def test_a_job_is_over_but_for_the_roles_that_serve(vertices, running, over):
    ids = {name: f"id-{number}" for number, name in enumerate(vertices)}
    job = {
        "vertices": [
            {"id": ids[name], "name": name, "status": "RUNNING" if name in running else "FINISHED"} for name in vertices
        ],
        "plan": {
            "nodes": [
                {"id": ids[name], **({"inputs": [{"id": ids[one]} for one in inputs]} if inputs else {})}
                for name, inputs in vertices.items()
            ]
        },
    }
    assert all_but(job, ["predictor", "other"]) is over


def test_a_job_that_flink_has_not_looked_at_yet_is_not_over() -> None:
    assert not all_but({"vertices": [], "plan": {}}, ["predictor"])
