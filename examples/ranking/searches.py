"""Makes the example's data, which are invented: ``python searches.py`` writes three files, always the same.

A shop's search shows ten documents for a query, in the order of an old formula. How relevant a document is depends on
its four features in a way that the formula does not know; a user looks further down less often, and clicks rather what
is relevant.

- ``impressions.csv.gz``: 1,200 searches, each with the ten documents that were shown
- ``clicks.csv.gz``: what was clicked of it, seconds to minutes later
- ``candidates.csv.gz``: 200 later searches, in the same order of the old formula. Their documents have a grade from 0
  to 3, as judges give them; no click on them is known, and nothing is trained on them
"""

import csv
import gzip
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SEARCHES, JUDGED, SHOWN = 1200, 200, 10  # all of it fits into what kubectl apply keeps of a ConfigMap
BEGIN = datetime(2026, 5, 4, 9, 0, 0)


def main() -> None:
    random = np.random.default_rng(7)
    impressions, clicks, candidates = [], [], []
    at = BEGIN
    for query in range(SEARCHES + JUDGED):
        at += timedelta(seconds=float(random.exponential(4.0)))
        features, relevance = documents(random)
        found = random.choice(5000, SHOWN, replace=False)
        for position in range(SHOWN):
            document = int(found[position])
            row = [query, _time(at), position + 1, document, *(f"{value:.2f}" for value in features[position])]
            if query >= SEARCHES:
                candidates.append([*row, int(np.digitize(relevance[position], (0.3, 0.55, 0.8)))])
                continue
            impressions.append(row)
            looked = random.random() < 1 / (position + 1) ** 0.7
            if looked and random.random() < relevance[position]:
                later = at + timedelta(seconds=2 + float(random.exponential(25.0)))
                clicks.append([query, _time(later), document])
    write("impressions.csv.gz", impressions)
    write("clicks.csv.gz", sorted(clicks, key=lambda click: click[1]))
    write("candidates.csv.gz", candidates)


def documents(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Text match, popularity, age and price from 0 to 1 of the documents of a search, and how relevant they are, in the
    order in which the old formula shows them: by their text alone."""
    text, popularity, age, price = random.beta(2, 2, (4, SHOWN))
    wanted = text + 3.0 * popularity + 2.0 * text * popularity - 4.0 * age * age - 8.0 * (price - 0.4) ** 2 - 1.9
    relevance = 1 / (1 + np.exp(-2.0 * wanted))
    order = np.argsort(-text)
    return np.stack([text, popularity, age, price], axis=1)[order], relevance[order]


def _time(at: datetime) -> str:
    return at.isoformat(" ", "milliseconds")


def write(name: str, rows: Iterable[list[object]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    # Without a name and a time in its header, the file depends on the rows alone.
    (HERE / name).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    main()
