"""The examples that are more than one training, on nodes: programs, models that a role serves, two jobs on a volume."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
import yaml

from integration.test_johnny import DENIED, GRANTED
from support.examples import ROOT, apply, succeeded, volume
from support.kubectl import Kubectl

EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.usefixtures("release")


def then(kubectl: Kubectl, manifest: Path, job: str) -> None:
    """Another job on what the first one has left."""
    kubectl.apply(yaml.safe_load(manifest.read_text()))
    succeeded(kubectl, job)


def lines(folder: Path) -> list[str]:
    return [line for file in folder.rglob("*") if file.is_file() for line in file.read_text().splitlines()]


def test_a_program_says_what_the_workers_run(on_kind: Kubectl) -> None:
    apply(on_kind, "linear")
    status = succeeded(on_kind, "linear")
    assert status["rolesReady"] == "2/2"
    assert (volume(on_kind, "linear-data") / "model" / "saved_model.pb").exists()


def test_johnny_gets_in(on_kind: Kubectl) -> None:
    apply(on_kind, "johnny")
    succeeded(on_kind, "johnny-train")
    then(on_kind, EXAMPLES / "johnny" / "johnny.yaml", "johnny")
    told = {(outcome, who, at.split()[1]) for who, at, outcome in csv.reader(_outcomes(on_kind))}
    granted, denied = (("Access Granted!", GRANTED), ("Access Denied!", DENIED))
    assert told == {(outcome, *one) for outcome, those in (granted, denied) for one in those}


def _outcomes(kubectl: Kubectl) -> list[str]:
    return lines(volume(kubectl, "johnny-data") / "outcomes")


@pytest.mark.long
def test_candidates_are_ranked_by_what_was_clicked(on_kind: Kubectl) -> None:
    apply(on_kind, "ranking")
    succeeded(on_kind, "ranking-train")
    then(on_kind, EXAMPLES / "ranking" / "rank.yaml", "ranking")
    with gzip.open(EXAMPLES / "ranking" / "candidates.csv.gz", "rt") as file:
        queries = {line.split(",")[0] for line in file}
    top = list(csv.reader(lines(volume(kubectl=on_kind, claim="ranking-data") / "top")))
    assert len(top) == 3 * len(queries)
