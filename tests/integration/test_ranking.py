"""The example ranking, as its README runs it: clicks teach a better order than the one that was shown."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import defaultdict
from pathlib import Path

from integration.harness import EXAMPLES, JobFolder

LEFT = shutil.ignore_patterns("model", "checkpoints", "top", "flinktf-runs")


def test_clicks_improve_the_order(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / "ranking", tmp_path / "ranking", ignore=LEFT))
    trained = JobFolder(folder, "train.yaml").run()
    assert trained.code == 0, trained.output
    versions = [json.loads(file.read_text()) for file in (folder / "model").glob("*/flinktf.json")]
    *at_checkpoints, last = sorted(versions, key=lambda version: version["version"])
    assert (last["checkpoint"], last["rows"]) == (None, 12_000)
    # How many checkpoints there are depends on the machine: a fast one has trained everything before the first.
    assert all(version["checkpoint"] is not None and version["rows"] <= 12_000 for version in at_checkpoints), versions

    run = JobFolder(folder, "rank.yaml").run()
    assert run.code == 0, run.output
    told = re.search(r"NDCG of 200 queries: ([\d.]+) in the old order, ([\d.]+) as ranked", run.output)
    assert told is not None, run.output
    assert float(told[1]) < 0.7
    assert float(told[2]) > 0.85
    assert f"model version {last['version']} loaded" in run.output

    best: dict[str, list[tuple[int, float]]] = defaultdict(list)
    lines = [line for file in (folder / "top").iterdir() for line in file.read_text().splitlines()]
    for query, place, _, score in csv.reader(lines):
        best[query].append((int(place), float(score)))
    assert len(best) == 200
    for ranked in best.values():
        assert [place for place, _ in sorted(ranked)] == [1, 2, 3]
        assert [score for _, score in sorted(ranked)] == sorted((score for _, score in ranked), reverse=True)
