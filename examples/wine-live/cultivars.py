"""What both jobs and the scripts know of the wines."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

from flinktf.models import Label

NAMES = ("Barolo", "Grignolino", "Barbera")
COLUMNS = (
    "wine", "cultivar", "alcohol", "malic_acid", "ash", "alcalinity", "magnesium", "phenols", "flavanoids",
    "nonflavanoids", "proanthocyanins", "color", "hue", "od280", "proline",
)  # fmt: skip


def names() -> Label:
    """The 'option.result' of predict.sql: the column cultivar has the name of the most probable one."""
    return Label(NAMES, column="cultivar")


def wines() -> list[dict[str, float]]:
    """The data of the example `wine`, in a mixed order that is always the same: there they are sorted by cultivar."""
    with (Path(__file__).parent.parent / "wine" / "wine.csv").open() as file:
        rows = [dict(zip(COLUMNS, map(json.loads, row), strict=True)) for row in csv.reader(file)]
    random.Random(178).shuffle(rows)
    return rows
