"""Whatever has happened to agents and to the coordinator: when it stops happening, the job runs again, and ends.

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
    """``generation`` is the one that it was told, ``assigned`` whether its role process has its task, ``done`` how far
    that came: told again and again."""

    key: Key
    attempt: int = -1
    generation: int = 0
    assigned: bool = False
    done: Exited | None = None


class Job:
    """``region``: Flink begins the workers again together, for they share a stream."""

    def __init__(self, strategy: str, scope: str, region: bool) -> None:
        self.region = region
        self.began: set[int] = set()
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
        agent.attempt, agent.assigned, agent.generation, agent.done = agent.attempt + 1, False, 0, None
        self.register(agent)
        agent.generation = self.state.generation

    def leave(self, agent: Agent, outcome: Outcome, failure: Failure | None = None) -> None:
        self.apply(Exited(agent.key, agent.attempt, outcome, 1, 1, failure))
        self.come(agent)

    def end(self, agent: Agent) -> None:
        agent.done = Exited(agent.key, agent.attempt, "done", 1, 1, generation=agent.generation)

    def beat(self, agent: Agent) -> None:
        if agent.done is not None:
            return self.apply(agent.done)
        try:
            require_known(self.state, agent.key, agent.attempt)
        except Refused:
            self.register(agent, agent.generation if agent.assigned else 0)
            if not agent.assigned:
                agent.generation = self.state.generation
        self.apply(Heartbeat(agent.key, agent.attempt, agent.generation, "Training", 1, 1))
        told = command(self.state, agent.key, agent.attempt, agent.generation)
        if told == "abort":
            self.leave(agent, "cancelled")
        elif told == "stop" and agent.assigned:
            self.end(agent)
        return None

    def ask(self, agent: Agent) -> None:
        try:
            require_current(self.state, agent.key, agent.attempt)
        except Refused:
            return  # it hears of it by its heartbeat
        if agent.done is not None or agent.assigned or not may_begin(self.state, agent.key):
            return
        if self.state.instances[agent.key].state == "Done":
            self.end(agent)
        else:
            agent.assigned, agent.generation = True, self.state.generation
            if all(other.assigned for other in self.agents if self.shape.in_cluster(other.key[0])):
                self.began.add(agent.generation)

    def begin_again(self, agent: Agent, why: str) -> None:
        if agent.done is not None or why == "lost":  # then its agent has died without a word
            self.come(agent)
        elif why == "killed":
            self.leave(agent, "failed", KILLED)
        else:
            self.leave(agent, "cancelled")

    def do(self, what: str, agent: Agent) -> None:
        if what == "coordinator":
            self.state = begin(self.shape, self.now)
        elif what == "done":
            began = agent.generation in self.began or not self.shape.in_cluster(agent.key[0])
            if self.shape.trains(agent.key[0]) and agent.assigned and agent.done is None and began:
                self.end(agent)
        elif what in ("killed", "cancelled", "lost"):
            together = self.region and agent.key[0] == "worker"
            if agent.done is not None and not together:
                return  # a subtask that has finished is not begun again for others
            self.begin_again(agent, what)
            for other in self.agents if together else ():
                if other is not agent and other.key[0] == "worker":
                    self.begin_again(other, "cancelled")
        elif what == "beat":
            self.beat(agent)
        elif what == "ask":
            self.ask(agent)
        else:
            self.now += 0.5
            self.apply(Tick())


@settings(max_examples=300)
@given(st.data(), st.sampled_from(sorted(ROLES)), st.sampled_from(["Role", "Gang"]), st.booleans())
def test_the_job_goes_on(data: st.DataObject, strategy: str, scope: str, region: bool) -> None:
    job = Job(strategy, scope, region)
    if data.draw(st.booleans()):  # what follows meets a job that runs
        for agent in job.agents:
            job.ask(agent)
            job.beat(agent)
    names = ["coordinator", "killed", "cancelled", "lost", "beat", "ask", "tick"]
    # A cluster of which some are done, and will not come again, can lose nobody any more.
    moves = st.sampled_from([*names, "done"] if region or strategy != "MultiWorkerMirrored" else names)
    for what, agent in data.draw(st.lists(st.tuples(moves, st.sampled_from(job.agents)), max_size=40)):
        job.do(what, agent)
    for _ in range(60):
        for agent in job.agents:
            job.beat(agent)
            job.ask(agent)
        job.do("tick", job.agents[0])
    assert all(agent.assigned or agent.done for agent in job.agents), (job.state, job.agents)
    if not any(agent.done for agent in job.agents):
        assert job.state.phase == "Running"
        together = {agent.generation for agent in job.agents if job.shape.in_cluster(agent.key[0])}
        assert together <= {job.state.generation}
    for agent in job.agents:
        if job.shape.trains(agent.key[0]):
            job.do("done", agent)
    for _ in range(5):
        for agent in job.agents:
            job.beat(agent)
        job.do("tick", job.agents[0])
    assert job.state.phase == "Succeeded"
