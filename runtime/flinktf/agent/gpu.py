"""How busy the GPUs are that this container sees, by NVIDIA's management library (NVML): it comes with the driver."""

from __future__ import annotations

import contextlib
import functools
from typing import Any


@functools.cache
def _nvml() -> Any:
    """NVIDIA's binding, ready for use; None where there is no driver, which does not change while we run."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, or none of what NVML raises: no driver, no right to use it, one of another version
        return None
    return pynvml


def gpu_use() -> dict[str, float]:
    """``use``: the mean share of time in which a kernel ran, of 1; ``memory``: bytes in use, of all GPUs together.

    What a GPU does not tell is missing (a slice of one, MIG, has no ``use``); empty where there is no GPU.
    """
    nvml = _nvml()
    if nvml is None:
        return {}
    shares: list[float] = []
    memory: list[float] = []
    with contextlib.suppress(nvml.NVMLError):  # a GPU that has fallen off its bus must not take the heartbeat with it
        for index in range(nvml.nvmlDeviceGetCount()):
            gpu = nvml.nvmlDeviceGetHandleByIndex(index)
            memory.append(float(nvml.nvmlDeviceGetMemoryInfo(gpu).used))
            with contextlib.suppress(nvml.NVMLError_NotSupported):
                shares.append(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100)
    told = {"use": sum(shares) / len(shares)} if shares else {}
    return told | ({"memory": sum(memory)} if memory else {})
