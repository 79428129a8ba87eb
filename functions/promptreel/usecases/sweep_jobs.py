"""sweep_jobs: recover what a crash left behind. Runs every few minutes."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta

from promptreel.domain.call import Call
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.states import FINAL_JOB_STATES, FINISHED_CALL_STATES, CallState, JobState
from promptreel.errors import PromptreelError, VersionConflict
from promptreel.logging.events import log_event
from promptreel.ports.storage import Replace
from promptreel.services import Services
from promptreel.usecases import delete_job, filming, job_lifecycle, take_in_pictures, webhook_outbox
from promptreel.usecases.upload_reports import report_job

log = logging.getLogger(__name__)

QUIET_S = 120.0  # a job that changed more recently than this is left alone
OPENING_S = 300.0  # the same while no execution has opened it: one that was started may be slow to
MAX_RESTARTS = 3
REMIND_EVERY_S = 86_400.0  # of a job that waits at a gate
MAX_REMINDERS = 7  # then it waits in silence until it expires
_WAITING = {JobState.AWAITING_APPROVAL}  # for a person, however long that takes


@dataclass(frozen=True, slots=True)
class SweepJobs:
    """No parameters: every unfinished job is examined."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs were given a new execution, failed or came to the end of their deletion; how many calls moved.

    ``stuck`` counts the jobs that no execution worked on, whether or not the sweep could restart them; ``waiting``
    those of which it reminded; ``webhooks`` the deliveries whose task was lost.
    """

    restarted: int
    failed: int
    calls: int
    deleted: int
    stuck: int
    waiting: int
    webhooks: int


def sweep_jobs(_: SweepJobs, services: Services) -> Swept:
    """Restart jobs whose execution has ended, finish calls of ended jobs, remove what is deleted or expired.

    What fails for one job, one call or one part of the sweep is logged and keeps nothing else from its end.

    Raises: the first error of a whole part, after the other parts are done.
    """
    sweep = _Sweep(services)
    failures: list[Exception] = []
    for part in (
        sweep.restart_jobs,
        sweep.remind_of_waiting_jobs,
        sweep.finish_ended_jobs,
        sweep.finish_stale_calls,
        sweep.remove_jobs,
        sweep.remove_orphaned_pictures,
        sweep.renew_deliveries,
    ):
        with _isolate(failures, part=part.__name__):
            part()
    swept = Swept(**{one.name: sweep.done[one.name] for one in fields(Swept)})
    log_event("jobs_swept", **asdict(swept))
    if failures:
        raise failures[0]
    return swept


@contextmanager
def _isolate(failures: list[Exception] | None = None, **about: str) -> Iterator[None]:
    """Log what fails inside, so that the next sweep tries it again and this one goes on."""
    try:
        yield
    except Exception as error:
        if isinstance(error, PromptreelError):
            log.warning("left to the next sweep", extra={"json_fields": {**about, "error": str(error)}})
        else:
            log.exception("unexpected error", extra={"json_fields": {"step": "sweep_jobs", **about}})
        if failures is not None:
            failures.append(error)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One sweep, and what it has done so far."""

    services: Services
    done: Counter[str] = field(default_factory=Counter)

    def restart_jobs(self) -> None:
        """Give a new execution to every job that no execution works on, or fail it."""
        for job in self.services.jobs.list_jobs_in_states(set(JobState) - FINAL_JOB_STATES - _WAITING):
            with _isolate(job_id=job.id):
                if not self._is_abandoned(job):
                    continue
                self.done["stuck"] += 1
                log_event("job_stuck", job_id=job.id, state=job.state.value, restarts=job.restarts)
                if job.restarts >= MAX_RESTARTS:
                    self.done["failed"] += self._fail(job)
                else:
                    self.done["restarted"] += self._restart(job)

    def remind_of_waiting_jobs(self) -> None:
        """Log every day that a job waits for a person, a few times."""
        for job in self.services.jobs.list_jobs_in_states(_WAITING):
            with _isolate(job_id=job.id):
                self.done["waiting"] += self._remind(job)

    def finish_ended_jobs(self) -> None:
        """Bring the calls of ended jobs to their end."""
        for job in self.services.jobs.list_jobs_with_open_calls(self.services.clock.now()):
            with _isolate(job_id=job.id):
                self._finish_calls(job.id)

    def finish_stale_calls(self) -> None:
        """Finish calls that no execution looks after. PLANNED ones are not read: running jobs have many."""
        states = set(CallState) - FINISHED_CALL_STATES - {CallState.PLANNED}
        for read in self.services.jobs.list_calls_in_states(states):
            with _isolate(job_id=read.value.job, call=read.value.id):
                if self._is_stale(read.value):
                    self._finish(read.value)

    def remove_jobs(self) -> None:
        """Mark what has expired, and go on with every deletion that is under way."""
        for job in self.services.jobs.list_expired_jobs(self.services.clock.now()):
            with _isolate(job_id=job.id):
                delete_job.mark(job.id, self.services, expired_only=True)
        for job in self.services.jobs.list_jobs_in_states({JobState.DELETING}):
            with _isolate(job_id=job.id):
                self._finish_calls(job.id)
                self.done["deleted"] += delete_job.purge(job, self.services)

    def remove_orphaned_pictures(self) -> None:
        """Remove the pictures of requests that never became a job."""
        take_in_pictures.remove_orphans(self.services)

    def renew_deliveries(self) -> None:
        """Give every event that is due and that no task delivers a new task."""
        for delivery in webhook_outbox.list_overdue(self.services):
            with _isolate(job_id=delivery.job, delivery=delivery.id):
                self.done["webhooks"] += webhook_outbox.renew(delivery, self.services)

    def _remind(self, job: Job) -> bool:
        """Log that the job waits, if a reminder is due; the sweep whose update succeeds logs it."""
        gate, waited = job.gate, timedelta()
        if gate is not None:
            waited = self.services.clock.now() - gate.since
        due = min(int(waited.total_seconds() // (REMIND_EVERY_S * self.services.pace)), MAX_REMINDERS)
        if gate is None or due <= gate.reminders:
            return False
        reminded = gate.evolve(reminders=due)

        def change(read: Job) -> Job | None:
            is_same = read.is_waiting and read.run == job.run and read.gate == gate
            return read.evolve(gate=reminded) if is_same else None

        if not self.services.jobs.update_job(job.id, change).is_written:
            return False
        waited_s = round(waited.total_seconds())
        log_event("approval_waiting", job_id=job.id, stage=gate.stage, waited_s=waited_s, reminders=due)
        return True

    def _is_abandoned(self, job: Job) -> bool:
        """Whether no worker has written on the job for long, and none will."""
        quiet_s = QUIET_S if job.execution else OPENING_S
        if self.services.clock.now() - job.updated < timedelta(seconds=quiet_s * self.services.pace):
            return False
        return job.execution is None or not self.services.executions.is_active(job.execution)

    def _fail(self, job: Job) -> bool:
        problem = Problem(
            code="execution_lost",
            message=f"Its execution ended {job.restarts + 1} times before the film was done.",
            remedy="Resume the job; if it happens again, read the executions' logs.",
            step="sweep_jobs",
        )
        return job_lifecycle.fail(job.id, job.run, problem, self.services) is not None

    def _restart(self, job: Job) -> bool:
        read = self.services.jobs.get_job(job.id)
        if read.value.run != job.run or not read.value.is_running:
            return False
        try:
            job_lifecycle.restart(read, self.services)
        except VersionConflict:
            return False  # another worker acted, which is all that is needed
        return True

    def _finish_calls(self, job_id: str) -> None:
        """Move every open call of an ended job on; when there is none, note that on the job."""
        # The job is read before its calls: the note is refused when the job was resumed in between.
        read = self.services.jobs.get_job(job_id)
        if not read.value.is_final:
            return
        open_calls = [call.value for call in self.services.jobs.list_calls(job_id) if not call.value.is_finished]
        for call in open_calls:
            with _isolate(job_id=job_id, call=call.id):
                self._finish(call)
        if not open_calls and read.value.open_calls_since is not None:
            report_job(read.value, self.services)  # the worker that ended the job may have died before
            self.services.jobs.write(Replace(job_id, read, read.value.evolve(open_calls_since=None)))

    def _finish(self, call: Call) -> None:
        """Move one call as far as it can go now."""
        ledger = self.services.ledger
        seen = ledger.expire(call) if call.state is CallState.RESERVED else call
        if seen.state is CallState.PLANNED:
            seen = ledger.abandon(seen)
        elif seen.kind == "video":
            seen = filming.resolve(seen, self.services)
        elif seen.state is CallState.UNCERTAIN:
            seen = ledger.give_up(seen, self.services.clock.now(), "The answer was lost and cannot be fetched again.")
        else:
            seen = ledger.expire(seen)
        self.done["calls"] += seen.state is not call.state

    def _is_stale(self, call: Call) -> bool:
        """Whether no execution looks after this call, because its scene has another attempt or its job ended."""
        job = self.services.jobs.get_job(call.job).value
        if job.is_final:
            return job.open_calls_since is None  # ended by a version that wrote no note
        if call.kind != "video" or call.scene is None:
            return False
        return self.services.jobs.get_scene(call.job, call.scene).value.clip_call_id(call.job) != call.id
