"""The row shapes that are measured, and a source for each that is faster than anything behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FLOATS: Final = tuple(f"f{i}" for i in range(10))


@dataclass(frozen=True)
class Shape:
    """``columns`` is the table's DDL, ``query`` what fills it from ``generator`` (a datagen DDL).

    ``rows`` is how many; the others how many for the slower paths, so that each takes about as long.
    """

    name: str
    columns: str
    generator: str
    query: str
    rows: int
    pandas_rows: int
    scalar_rows: int
    row_bytes: int


def _floats() -> str:
    return ", ".join(f"{name} FLOAT NOT NULL" for name in FLOATS)


SHAPES: Final = (
    Shape(
        name="10 FLOAT",
        columns=_floats(),
        generator=_floats(),
        query=", ".join(FLOATS),
        rows=20_000_000,
        pandas_rows=5_000_000,
        scalar_rows=1_500_000,
        row_bytes=40,
    ),
    Shape(
        # datagen takes longer to make ten random values than all the rest; here it makes one, and SQL the other nine.
        name="10 FLOAT from a faster source",
        columns=_floats(),
        generator="n INT NOT NULL",
        query=", ".join(f"CAST(n + {i} AS FLOAT)" for i in range(10)),
        rows=30_000_000,
        pandas_rows=5_000_000,
        scalar_rows=1_500_000,
        row_bytes=40,
    ),
    Shape(
        name="784 FLOAT",
        # An array of 784 values made of ten random ones: datagen's own arrays take ten times longer to make.
        columns="pixels ARRAY<FLOAT NOT NULL> NOT NULL",
        generator=_floats(),
        query="ARRAY[" + ", ".join(FLOATS[i % 10] for i in range(784)) + "]",
        rows=600_000,
        pandas_rows=150_000,
        scalar_rows=40_000,
        row_bytes=3136,
    ),
    Shape(
        name="STRING + 3 INT",
        columns="s STRING NOT NULL, a INT NOT NULL, b INT NOT NULL, c INT NOT NULL",
        generator="a INT NOT NULL, b INT NOT NULL, c INT NOT NULL",
        query="CAST(a AS STRING), a, b, c",
        rows=15_000_000,
        pandas_rows=5_000_000,
        scalar_rows=1_500_000,
        row_bytes=23,
    ),
)
