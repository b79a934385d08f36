"""Tells the prediction job, through Kafka, which version of the model is to answer.

`python announce.py ADDRESS` announces each new version as soon as it is there; `--version 1` just that one, which is
the way back.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from kafka import KafkaProducer

HERE = Path(__file__).parent


def announce(address: str, version: int) -> None:
    """The path is relative to the manifest of the job that reads it."""
    producer = KafkaProducer(bootstrap_servers=address)
    row = {"model": "wine", "version": version, "path": f"model/{version}"}
    producer.send("models", json.dumps(row).encode()).get(timeout=30)
    producer.close()


def versions(folder: Path) -> list[int]:
    """A version appears in the folder by one rename: what is there is whole."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())


def follow(address: str, folder: Path) -> None:
    last = 0
    while True:
        for version in versions(folder)[-1:]:
            if version > last:
                announce(address, last := version)
                print(f"announced version {version}", flush=True)
        time.sleep(0.2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--version", type=int)
    options = parser.parse_args()
    if options.version is not None:
        announce(options.address, options.version)
    else:
        follow(options.address, HERE / "model")
