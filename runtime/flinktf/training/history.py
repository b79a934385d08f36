"""What ``flinktf.fit`` returns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Epoch:
    """``rows`` and ``steps`` of all workers together; ``seconds`` of wall time; ``validation`` as ``metrics``."""

    number: int
    rows: int
    steps: int
    seconds: float
    loss: float
    metrics: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)

    @property
    def logs(self) -> dict[str, float]:
        """The numbers as Keras callbacks know them: ``loss``, metrics, ``val_…``."""
        return {"loss": self.loss, **self.metrics, **{f"val_{name}": v for name, v in self.validation.items()}}


@dataclass
class History:
    """One entry for each epoch that ended, or was cut short by ``steps`` or a stop."""

    epochs: list[Epoch] = field(default_factory=list)

    @property
    def last(self) -> Epoch:
        return self.epochs[-1]

    @property
    def rows(self) -> int:
        return sum(epoch.rows for epoch in self.epochs)

    @property
    def steps(self) -> int:
        return sum(epoch.steps for epoch in self.epochs)

    @property
    def history(self) -> dict[str, list[float]]:
        """Lists by name, as Keras' ``History.history``."""
        names = {name: None for epoch in self.epochs for name in epoch.logs}
        return {name: [epoch.logs[name] for epoch in self.epochs if name in epoch.logs] for name in names}
