"""``python -m flinktf.coordinator``: one coordinator for one job."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

from aiohttp import web

from flinktf.coordinator.machine import begin
from flinktf.coordinator.server import Coordinator, application
from flinktf.coordinator.shape import shape_from_json


def main() -> int:
    parser = argparse.ArgumentParser(prog="flinktf.coordinator", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="JSON of the job's shape")
    parser.add_argument("--host", required=True, help="the address to listen on")
    parser.add_argument("--port", type=int, required=True, help="0 for a free one")
    parser.add_argument("--token-file", type=Path, required=True, help="the file with this job's token")
    parser.add_argument("--port-file", type=Path, help="gets the port, once it is open")
    arguments = parser.parse_args()
    shape = shape_from_json(arguments.spec.read_text())
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s %(levelname)s job={shape.job} %(message)s"
    )
    asyncio.run(_serve(arguments, Coordinator(begin(shape, time.monotonic()))))
    return 0


async def _serve(arguments: argparse.Namespace, coordinator: Coordinator) -> None:
    app = application(coordinator, arguments.token_file.read_text().strip())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, arguments.host, arguments.port)
    await site.start()
    if arguments.port_file:
        part = arguments.port_file.with_suffix(".part")
        part.write_text(str(runner.addresses[0][1]))
        part.replace(arguments.port_file)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ticking = asyncio.create_task(coordinator.tick())
    await ended.wait()
    ticking.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
