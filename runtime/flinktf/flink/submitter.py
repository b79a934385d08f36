"""``python -m flinktf.flink.submitter``: submits a job to the JobManager beside it, once, and tells how it is doing.

It runs as long as its pod: whatever of it, of the JobManager or of the coordinator restarts, it looks at what there is
and goes on from there. A job that Flink knows is not submitted again, whoever has submitted it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from flinktf.coordinator.client import CoordinatorClient, CoordinatorError
from flinktf.flink.rest import TERMINAL, CheckpointRequests, FlinkRest, FlinkUnreachable
from flinktf.flink.submission import RESTORE, Outcome, Submission, read_outcome, read_submission
from flinktf.processes import Child, follow, spawn, terminate

_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0
_PATIENCE: Final = 30.0
_GRACE: Final = 5.0
_OUTCOME_EVERY: Final = 0.1


class Submitter:
    """:meth:`run` goes on until it is cancelled."""

    def __init__(self, submission: Submission, task_managers: int, work: Path) -> None:
        self._submission = submission
        self._task_managers = task_managers
        self._work = work
        self._told: dict[str, Any] | None = None
        self._failure: Outcome | None = None
        self._program: asyncio.Task[Child] | None = None
        self._checkpoints = CheckpointRequests()

    async def run(self, client: CoordinatorClient, rest: FlinkRest) -> None:
        """Until cancelled: what a moment brings is not worth the end of this process."""
        try:
            while True:
                try:
                    await self._look(client, rest)
                except FlinkUnreachable as error:
                    _LOG.info("the JobManager does not answer (yet): %s", error)
                except CoordinatorError as error:
                    _LOG.warning("the coordinator does not answer (yet): %s", error)
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            if self._program is not None:
                self._program.cancel()
                await asyncio.wait([self._program])

    async def _look(self, client: CoordinatorClient, rest: FlinkRest) -> None:
        status = await client.status()
        # Whoever of the two has restarted learns from the other.
        self._told = self._told or status["flink"]
        if self._failure is not None and status["outcome"] is None:
            await client.submission("Failed", self._failure.error, self._failure.detail)
        state = await rest.job_state(self._submission.job_id)
        if state is not None:
            await self._checkpoints.look(rest, self._submission.job_id, status["checkpointWanted"])
            await self._tell(client, rest, state, status["flink"])
        elif self._told is not None and self._told["state"] in TERMINAL:
            # A JobManager that has restarted has forgotten a job that was over.
            if status["flink"] is None:
                await self._pass_on(client, self._told)
        elif self._failure is None and status["outcome"] is None and await self._all_there(rest):
            await self._submit(client)

    async def _all_there(self, rest: FlinkRest) -> bool:
        """Not before every TaskManager is there: pods may wait for nodes for long, and no deadline runs meanwhile."""
        registered = await rest.task_managers()
        if registered < self._task_managers:
            _LOG.info("%d of %d TaskManagers are there", registered, self._task_managers)
        return registered >= self._task_managers

    async def _submit(self, client: CoordinatorClient) -> None:
        await client.submission("Submitting")
        outcome = await self._drive()
        _LOG.info("submission of %s: %s", self._submission.job_id, outcome.error or "done")
        if outcome.error is not None:
            self._failure = outcome  # the next look tells it, until the coordinator has it
        else:
            await client.submission("Submitted")

    async def _drive(self) -> Outcome:
        """Starts the user's program, and waits until it has submitted; it may go on then, to wait for the job's end."""
        submission = self._submission
        if self._told is not None and self._told["checkpoint"]:
            settings = submission.configuration | {RESTORE: self._told["checkpoint"]["location"]}
            submission = replace(submission, configuration=settings)
        file, result = self._work / "submission.json", self._work / "submitted.json"
        result.unlink(missing_ok=True)
        file.write_text(submission.to_json())
        self._program = asyncio.create_task(self._run_program(file, result))
        while not (result.exists() or self._program.done()):
            await asyncio.wait([self._program], timeout=_OUTCOME_EVERY)
        if not result.exists():
            child = self._program.result()
            return Outcome(error=f"the driver ended with exit code {child.exit_code}", detail=child.log_tail())
        outcome = read_outcome(result)
        duplicate = (
            outcome.error is not None and "DuplicateJobSubmissionException" in f"{outcome.error}{outcome.detail}"
        )
        return Outcome() if duplicate else outcome

    async def _run_program(self, submission: Path, result: Path) -> Child:
        """The user's program in a process of its own, whose output is this container's; until it has ended."""
        log = self._work / "driver.log"
        command = [sys.executable, "-m", "flinktf.flink.driver", str(submission), str(result)]
        with tempfile.TemporaryDirectory(prefix="driver-", ignore_cleanup_errors=True) as temporary:
            environment = {**os.environ, "TMPDIR": temporary}
            child: Child = await spawn("driver", command, environment, log, self._work)
            following = asyncio.create_task(follow(log, sys.stderr.buffer))
            try:
                await child.process.wait()
                if child.exit_code:
                    _LOG.warning("the job's program ended with exit code %s", child.exit_code)
                return child
            finally:
                await terminate([child], _GRACE)
                following.cancel()

    async def _tell(self, client: CoordinatorClient, rest: FlinkRest, state: str, known: dict[str, Any] | None) -> None:
        job = self._submission.job_id
        before = self._told["checkpoint"] if self._told is not None else None
        told = await rest.told(job, state, before, self._submission.servers) | {"granted": self._checkpoints.granted}
        if told != known:
            await self._pass_on(client, told)

    async def _pass_on(self, client: CoordinatorClient, told: dict[str, Any]) -> None:
        self._told = told
        await client.submission("Submitted")
        await client.flink(told)


def main() -> int:
    parser = argparse.ArgumentParser(prog="flinktf.flink.submitter", description=__doc__)
    parser.add_argument("--submission", type=Path, required=True, help="JSON of what is to be submitted")
    parser.add_argument("--task-managers", type=int, required=True, help="how many there must be before")
    parser.add_argument("--coordinator", required=True, help="its URL")
    parser.add_argument("--token-file", type=Path, required=True, help="the file with this job's token")
    parser.add_argument("--work", type=Path, required=True, help="a folder for its files")
    arguments = parser.parse_args()
    submission = read_submission(arguments.submission)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s %(levelname)s job={submission.name} %(message)s"
    )
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_told(arguments, submission))
    return 0


async def _until_told(arguments: argparse.Namespace, submission: Submission) -> None:
    running = asyncio.current_task()
    assert running is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    submitter = Submitter(submission, arguments.task_managers, arguments.work)
    token = arguments.token_file.read_text().strip()
    async with (
        CoordinatorClient(arguments.coordinator, token, _PATIENCE) as client,
        FlinkRest(f"http://{submission.rest_address}:{submission.rest_port}") as rest,
    ):
        await submitter.run(client, rest)


if __name__ == "__main__":
    sys.exit(main())
