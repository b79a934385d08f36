"""Whatever has happened to agents and to the coordinator: when it stops happening, the job runs again.

Agents are played as flinktf/agent/attempt.py does it, message by message; what Flink begins again, and when, is random.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from flinktf.coordinator.failover import Failure, Policy
from flinktf.coordinator.machine import Refused, begin, command, may_begin, require_current, require_known, step
from flinktf.coordinator.shape import JobShape
from flinktf.coordinator.state import Event, Exited, Heartbeat, JobState, Key, Outcome, Registered, Tick

ROLES = {
    "MultiWorkerMirrored": (("worker", 2), ("evaluator", 1)),
    "ParameterServer": (("chief", 1), ("ps", 1), ("worker", 2)),
    "Independent": (("worker", 2),),
}
KILLED = Failure("", "ProcessKilled", "killed by signal 9", exit_code=137)


@dataclass
class Agent:
    """``generation`` is the one that it was told, ``assigned`` whether its role process has its task."""

    key: Key
    attempt: int = -1
    generation: int = 0
    assigned: bool = False


class Job:
    def __init__(self, strategy: str, scope: str) -> None:
        policy = Policy(scope, max_restarts=10_000, backoff_limit_seconds=2.0)  # type: ignore[arg-type]
        roles = ROLES[strategy]
        self.shape = JobShape(
            "job",
            roles,
            strategy,
            1e6,
            failover={name: policy for name, _ in roles},  # type: ignore[arg-type]
        )
        self.now = 0.0
        self.state: JobState = begin(self.shape, 0.0)
        self.agents = [Agent(key) for key in self.shape.instances]
        for agent in self.agents:
            self.come(agent)

    def apply(self, event: Event) -> None:
        self.state, _ = step(self.state, event, self.now)

    def register(self, agent: Agent, generation: int = 0) -> None:
        role, index = agent.key
        self.apply(Registered(agent.key, agent.attempt, f"{role}-{index}:1", "tm", generation=generation))

    def come(self, agent: Agent) -> None:
        """The next attempt."""
        agent.attempt, agent.assigned, agent.generation = agent.attempt + 1, False, 0
        self.register(agent)
        agent.generation = self.state.generation

    def leave(self, agent: Agent, outcome: Outcome, failure: Failure | None = None) -> None:
        self.apply(Exited(agent.key, agent.attempt, outcome, 1, 1, failure))
        self.come(agent)

    def beat(self, agent: Agent) -> None:
        try:
            require_known(self.state, agent.key, agent.attempt)
        except Refused:
            self.register(agent, agent.generation if agent.assigned else 0)
            if not agent.assigned:
                agent.generation = self.state.generation
        self.apply(Heartbeat(agent.key, agent.attempt, agent.generation, "Training", 1, 1))
        if command(self.state, agent.key, agent.attempt, agent.generation) == "abort":
            self.leave(agent, "cancelled")

    def ask(self, agent: Agent) -> None:
        try:
            require_current(self.state, agent.key, agent.attempt)
        except Refused:
            return  # it hears of it by its heartbeat
        if not agent.assigned and may_begin(self.state, agent.key):
            agent.assigned, agent.generation = True, self.state.generation

    def do(self, what: str, agent: Agent) -> None:
        if what == "coordinator":
            self.state = begin(self.shape, self.now)
        elif what == "killed":
            self.leave(agent, "failed", KILLED)
        elif what == "cancelled":
            self.leave(agent, "cancelled")
        elif what == "lost":
            self.come(agent)  # its agent has died without a word
        elif what == "beat":
            self.beat(agent)
        elif what == "ask":
            self.ask(agent)
        else:
            self.now += 0.5
            self.apply(Tick())


@settings(max_examples=200)
@given(st.data(), st.sampled_from(sorted(ROLES)), st.sampled_from(["Role", "Gang"]))
def test_the_job_runs_again(data: st.DataObject, strategy: str, scope: str) -> None:
    job = Job(strategy, scope)
    moves = st.sampled_from(["coordinator", "killed", "cancelled", "lost", "beat", "ask", "tick"])
    for what, agent in data.draw(st.lists(st.tuples(moves, st.sampled_from(job.agents)), max_size=40)):
        job.do(what, agent)
    for _ in range(60):
        for agent in job.agents:
            job.beat(agent)
            job.ask(agent)
        job.do("tick", job.agents[0])
    assert job.state.phase == "Running"
    assert all(agent.assigned for agent in job.agents), (job.state, job.agents)
    together = {agent.generation for agent in job.agents if job.shape.in_cluster(agent.key[0])}
    assert together <= {job.state.generation}
