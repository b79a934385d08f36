"""``python -m flinktf.agent --spec FILE [--preloader SOCKET]``: the agent of one role TaskManager."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from flinktf.agent.agent import Agent, AgentError
from flinktf.agent.spec import agent_spec_from_json


def main() -> int:
    parser = argparse.ArgumentParser(prog="flinktf.agent", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="JSON of what the agent has to know")
    parser.add_argument("--preloader", help="socket of who has imported TensorFlow for all agents of this machine")
    arguments = parser.parse_args()
    spec = agent_spec_from_json(arguments.spec.read_text(), os.environ)
    identity = f"job={spec.job} role={spec.role}"
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s %(levelname)s {identity} %(message)s"
    )
    try:
        asyncio.run(_until_told(Agent(spec, preloader=arguments.preloader)))
    except (AgentError, OSError) as error:
        logging.error("%s", error)
        return 1
    return 0


async def _until_told(agent: Agent) -> None:
    """SIGTERM says that the pod is being taken away; SIGINT, or a second one, that nothing is to be waited for."""
    running = asyncio.ensure_future(agent.run())
    loop = asyncio.get_running_loop()

    def leave() -> None:
        loop.add_signal_handler(signal.SIGTERM, running.cancel)
        agent.leave()

    loop.add_signal_handler(signal.SIGTERM, leave)
    loop.add_signal_handler(signal.SIGINT, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    sys.exit(main())
