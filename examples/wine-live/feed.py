"""Puts wines into Kafka, over and over: `python feed.py ADDRESS --rate 50`."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator

from cultivars import wines
from kafka import KafkaProducer


def feed(address: str, rate: float, rows: int | None = None) -> Iterator[int]:
    """Each row is one more bottle, with an id of its own; yields the id."""
    all_wines, start = wines(), time.monotonic()
    producer = KafkaProducer(bootstrap_servers=address)
    try:
        for number in itertools.islice(itertools.count(), rows):
            row = {"id": number} | all_wines[number % len(all_wines)]
            producer.send("wines", json.dumps(row).encode())
            yield number
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
    finally:
        producer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--rate", type=float, default=50, help="rows a second")
    options = parser.parse_args()
    for _ in feed(options.address, options.rate):
        pass
