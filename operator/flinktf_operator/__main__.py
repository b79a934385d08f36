"""``python -m flinktf_operator``: one replica of the operator."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

from flinktf_operator import logs
from flinktf_operator.options import Options, command
from flinktf_operator.replica import Replica

_ALLOCATIONS: Final = 50_000
"""Objects after which Python looks for cycles. At its 700, that is most of what the JSON of thousands of pods costs."""


def main(options: Options) -> None:
    gc.freeze()  # what has been imported stays
    gc.set_threshold(_ALLOCATIONS)
    logs.configure(options.log_format)
    asyncio.run(Replica(options).run())


if __name__ == "__main__":
    command(main)()
