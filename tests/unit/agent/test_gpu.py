"""What is told of GPUs. NVML itself is NVIDIA's: here it is a stand-in with one GPU, two, or one that has gone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from flinktf.agent import gpu


class Nvml:
    NVMLError = pynvml.NVMLError
    NVMLError_NotSupported = pynvml.NVMLError_NotSupported

    def __init__(self, *gpus: Any) -> None:
        self._gpus = gpus

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:  # noqa: N802
        if self._gpus[index] is None:
            raise pynvml.NVMLError_GpuIsLost
        return self._gpus[index]

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:  # noqa: N802
        return SimpleNamespace(used=handle[1])

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:  # noqa: N802
        if handle[0] is None:
            raise pynvml.NVMLError_NotSupported
        return SimpleNamespace(gpu=handle[0])


@pytest.mark.parametrize(
    ("gpus", "told"),
    [
        ((), {}),
        (((87, 1 << 30),), {"use": 0.87, "memory": float(1 << 30)}),
        (((100, 10), (50, 20)), {"use": 0.75, "memory": 30.0}),
        (((None, 10),), {"memory": 10.0}),
        ((None,), {}),
        (((60, 10), None), {"use": 0.6, "memory": 10.0}),
    ],
)
def test_gpus(monkeypatch: pytest.MonkeyPatch, gpus: tuple[Any, ...], told: dict[str, float]) -> None:
    monkeypatch.setattr(gpu, "_nvml", lambda: Nvml(*gpus))
    assert gpu.gpu_use() == told


def test_a_machine_as_it_is() -> None:
    """With a driver or without: never an error."""
    assert all(value >= 0 for value in gpu.gpu_use().values())
