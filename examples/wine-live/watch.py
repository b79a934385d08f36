"""Shows the answers as they come, once a second, and how many are right: `python watch.py ADDRESS`."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cultivars import NAMES, wines
from kafka import KafkaConsumer, TopicPartition


def results(address: str, patience: float = 1.0) -> Iterator[dict[str, Any] | None]:
    """The rows of the topic, from its beginning; None when none has come for a while."""
    consumer = KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
    consumer.assign([TopicPartition("results", 0)])
    try:
        while True:
            found = consumer.poll(timeout_ms=int(1000 * patience))
            yield from (json.loads(record.value) for records in found.values() for record in records)
            if not found:
                yield None
    finally:
        consumer.close()


def lines(address: str) -> Iterator[tuple[int | None, str]]:
    """One a second, with the version that answers at the time. Accuracy is that on wines that no version has seen."""
    bottles = wines()
    unseen, right = Counter[int](), Counter[int]()
    version, said = None, 0.0
    for row in results(address):
        if row is not None:
            version, bottle = row["model_version"], bottles[row["id"] % len(bottles)]
            if bottle["wine"] % 5 == 0:  # train.sql leaves these out
                unseen[version] += 1
                right[version] += row["cultivar"] == NAMES[bottle["cultivar"]]
        if time.monotonic() < said + 1:
            continue
        said = time.monotonic()
        if row is None:
            yield version, "no answers at the moment"
        else:
            accuracy = f"{right[version] / unseen[version]:.1%} right" if unseen[version] else "none so far"
            told = f"bottle {row['id']:,} is a {row['cultivar']}".ljust(30)
            yield version, f"{told} version {version}; of wines that it was not trained on: {accuracy}"


if __name__ == "__main__":
    for _, line in lines(sys.argv[1]):
        print(line, flush=True)
