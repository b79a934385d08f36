"""Where the rows come from: as fast as Flink makes them up, or from files, as most pipelines have theirs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

NAMES: Final = tuple(f"f{i}" for i in range(10))
FLOATS: Final = ", ".join(f"{name} FLOAT" for name in NAMES)


class Source(ABC):
    """Ten FLOATs in a table ``numbers``. ``name`` is what the report calls it."""

    name: str

    @abstractmethod
    def ddl(self, rows: int) -> str:
        """Of a table with so many rows."""


class Datagen(Source):
    """Costs a third to half of a microsecond a row: little beside any real source."""

    name = "datagen"

    def ddl(self, rows: int) -> str:
        return (
            f"CREATE TABLE numbers ({FLOATS}) WITH ('connector' = 'datagen', 'number-of-rows' = '{rows}', "
            "'rows-per-second' = '100000000')"
        )


class Csv(Source):
    """Files of ``ROWS`` rows each in ``folder``, all links to the same one."""

    name = "CSV files"
    ROWS: Final = 500_000

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ddl(self, rows: int) -> str:
        if rows % self.ROWS:
            raise ValueError(f"{rows} rows are no files of {self.ROWS}")
        folder = self._folder / f"{rows}"
        if not folder.exists():
            folder.mkdir(parents=True)
            for number in range(rows // self.ROWS):
                os.link(self._file(), folder / f"{number}.csv")
        return (
            f"CREATE TABLE numbers ({FLOATS}) WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'csv')"
        )

    def _file(self) -> Path:
        file = self._folder / "rows.csv"
        if not file.exists():
            import numpy as np
            import pyarrow as pa
            from pyarrow import csv

            values = np.random.default_rng(0).random((len(NAMES), self.ROWS), np.float32)
            table = pa.table(list(values), names=list(NAMES))
            csv.write_csv(table, file, csv.WriteOptions(include_header=False))
        return file
