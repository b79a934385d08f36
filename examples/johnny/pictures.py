"""Makes what the visitors present: ``python pictures.py`` writes ``pictures/*.png`` and ``presentations.csv``.

Each picture is one scan of ``digits.csv.gz`` that the model is not trained on (every fifth), drawn eight times
as large. ``presentations.csv`` is what a camera would send: visitor, time, picture; CSV has bytes as base64.
"""

import base64
import csv
import gzip
import struct
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
SIDE = 8
ENLARGED = 8
BEGIN = datetime(2026, 5, 4, 9, 0, 0)

# Who comes when, in seconds after nine o'clock, and which digits he presents how many seconds after that.
VISITS = [
    ("johnny", 0, [(0, 3), (8, 1), (15, 4)]),
    ("quinn", 4, [(0, 3), (29, 1), (59, 4)]),  # just in time
    ("sam", 10, [(0, 3), (35, 1), (70, 4)]),  # too slow: the three take longer than a minute
    ("mallory", 20, [(0, 4), (9, 1), (18, 3)]),  # the right pictures in the wrong order
    ("olivia", 31, [(0, 3), (6, 7), (14, 3), (22, 1), (30, 4)]),  # begins again after a wrong picture
    ("eve", 47, [(0, 8), (7, 2), (13, 0)]),
    ("trent", 50, [(0, 3), (12, 1)]),  # leaves before the last picture
    ("victor", 75, [(0, 3), (10, 9), (20, 1), (30, 4)]),  # a wrong picture in between
    ("peggy", 90, [(0, 5), (5, 6), (11, 3), (17, 1), (24, 4)]),
    ("johnny", 300, [(0, 3), (40, 1), (80, 4)]),  # once more, and too slow now
    ("sam", 330, [(0, 3), (11, 1), (21, 4)]),  # has learnt
]


def scans() -> dict[int, Iterator[tuple[int, list[int]]]]:
    """For each digit its scans that are held out, with their numbers."""
    found: dict[int, list[tuple[int, list[int]]]] = {digit: [] for digit in range(10)}
    with gzip.open(HERE / "digits.csv.gz", "rt") as file:
        for number, label, pixels in csv.reader(file):
            if int(number) % 5 == 0:
                found[int(label)].append((int(number), [int(pixel) for pixel in pixels.split(";")]))
    return {digit: iter(those) for digit, those in found.items()}


def png(pixels: list[int]) -> bytes:
    """A grey picture of 8 x 8 values from 0 to 16, enlarged."""
    values = [pixel * 255 // 16 for pixel in pixels]
    rows = [values[start : start + SIDE] for start in range(0, len(values), SIDE)]
    lines = [b"\0" + bytes(value for value in row for _ in range(ENLARGED)) for row in rows for _ in range(ENLARGED)]
    side = SIDE * ENLARGED
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(b"".join(lines), 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    of_digit = scans()
    presented = []
    for visitor, arrival, shown in VISITS:
        for after, digit in shown:
            number, pixels = next(of_digit[digit])
            picture = png(pixels)
            (HERE / "pictures" / f"{digit}-{number:04}.png").write_bytes(picture)
            presented.append((BEGIN + timedelta(seconds=arrival + after), visitor, picture))
    with (HERE / "presentations.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for at, visitor, picture in sorted(presented):
            writer.writerow((visitor, at, base64.b64encode(picture).decode()))


if __name__ == "__main__":
    main()
