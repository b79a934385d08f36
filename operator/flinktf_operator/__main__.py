"""``python -m flinktf_operator``: one replica of the operator."""

from __future__ import annotations

import asyncio

from flinktf_operator import logs
from flinktf_operator.options import Options, command
from flinktf_operator.replica import Replica


def main(options: Options) -> None:
    logs.configure(options.log_format)
    asyncio.run(Replica(options).run())


if __name__ == "__main__":
    command(main)()
