"""One job as its owner sees it: submitted, approved at its gates, perhaps cancelled, resumed, complete."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from client.api import PromptreelClient
from client.documents import FilmRequest
from client.errors import ClientError
from tests.chaos.history import History
from tests.chaos.plan import PlannedFilm
from tests.e2e.stack import FINAL, Stack

POLL_S = 2.0
REPORT_WITHIN_S = 60.0
AMPLE_USD = "60"
OWNER = "owner@example.com"


class OutOfTimeError(Exception):
    """The run's time was over before the job was final."""


@dataclass(slots=True)
class Submission:
    """What became of one planned film. ``job_id`` is empty until it is known; a recorded job has it from the start."""

    film: PlannedFilm
    job_id: str = ""
    state: str = ""
    resumes: int = 0
    approvals: int = 0
    lasted_s: float = 0.0
    over_budget: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def name(self) -> str:
        return f"film {self.film.number} {self.job_id}".rstrip()


@dataclass(slots=True)
class Owner:
    """Brings one job at a time to its end; gives up at the monotonic time ``until_s``."""

    stack: Stack
    client: PromptreelClient
    history: History
    seed: int
    until_s: float

    def bring_to_end(self, submission: Submission) -> None:
        """Bring the job to COMPLETE, resuming it at most once, and once for a limit that was too low.

        What could not be done is in ``trouble``.
        """
        begun_s = time.monotonic()
        try:
            if not submission.job_id:
                submission.job_id = self._submit(submission)
                self.history.note("job", f"{submission.name} submitted")
            job = self._cancel_if_planned(submission) or self._wait(submission)
            if (job["error"] or {}).get(
                "code"
            ) == "budget_exceeded":  # the owner's choice; this resume does not count for the kills
                job = self._resume(submission, job)
            if job["state"] != "COMPLETE":
                job = self._resume(submission, job)
            self.history.note("job", f"{submission.name} {job['state']} {job['error'] or ''}".rstrip())
        except (AssertionError, ClientError, OutOfTimeError, httpx.HTTPError) as error:
            submission.trouble = f"{type(error).__name__}: {error}"
            self.history.note("trouble", f"{submission.name} {submission.trouble}")
        submission.lasted_s = time.monotonic() - begun_s

    def _submit(self, submission: Submission) -> str:
        if submission.film.by_upload:
            return self._upload(submission.film)
        request = cast(FilmRequest, dict(submission.film.request))
        return str(self.client.submit(request, f"chaos-{self.seed}-{submission.film.number}")["id"])

    def _upload(self, film: PlannedFilm) -> str:
        """The id of an uploaded job, from its report; a file whose execution was lost is uploaded a second time.

        Google's executions outlive their machines. The stand-in's end with its process, and before open_job no document
        has the request.
        """
        name = f"chaos/{self.seed}/{film.number}.json"
        while True:
            self._retry_until_reachable(
                lambda: self.stack.upload(name, json.dumps({**film.request, "owner": OWNER}).encode())
            )
            with suppress(AssertionError):
                report = self._retry_until_reachable(lambda: self.stack.report(name))
                return str(report["job_id"])
            self.history.note("job", f"film {film.number} is uploaded a second time")

    def _cancel_if_planned(self, submission: Submission) -> dict[str, Any] | None:
        """Cancel the job when the plan says so; the job, if it is final by then."""
        if submission.film.cancel_after_s is None:
            return None
        with suppress(OutOfTimeError):
            return self._wait(submission, within_s=submission.film.cancel_after_s)
        self.history.note("job", f"{submission.name} is cancelled by its owner")
        with suppress(ClientError):  # it may just have ended
            self.client.cancel(submission.job_id)
        return None

    def _resume(self, submission: Submission, job: dict[str, Any]) -> dict[str, Any]:
        self.history.note("job", f"{submission.name} {job['state']}: {job['error']}")
        submission.resumes += 1
        self.client.resume(submission.job_id, AMPLE_USD)
        self.history.note("job", f"{submission.name} resumed")
        return self._wait(submission)

    def _wait(self, submission: Submission, within_s: float | None = None) -> dict[str, Any]:
        """The job once it is final. Raises: OutOfTimeError."""
        until_s = self.until_s if within_s is None else min(self.until_s, time.monotonic() + within_s)
        while True:
            job = cast(dict[str, Any], self.client.job(submission.job_id))
            submission.state = job["state"]
            if job["state"] in FINAL:
                return job
            if gate := job.get("gate"):
                self._approve(submission, gate)
            self._watch_budget(submission)
            if time.monotonic() > until_s:
                raise OutOfTimeError(f"still {job['state']}")
            time.sleep(POLL_S)  # between two polls

    def _approve(self, submission: Submission, gate: dict[str, Any]) -> None:
        """Let the job pass the gate at which it waits, as it was looked at."""
        with suppress(ClientError):  # it may have passed or been cancelled meanwhile
            self.client.approve(submission.job_id, {"gate": gate["stage"], "revision": gate["revision"]})
            submission.approvals += 1
            self.history.note("job", f"{submission.name} passes the gate after {gate['stage']}")

    def _watch_budget(self, submission: Submission) -> None:
        totals = self.client.ledger(submission.job_id)["totals"]
        if totals["spent_micros"] + totals["reserved_micros"] > totals["limit_micros"]:
            submission.over_budget.append(f"{totals} while {submission.state}")

    def _retry_until_reachable(self, attempt: Callable[[], Any]) -> Any:
        """The attempt's result, once every program it needs is reachable."""
        while True:
            try:
                return attempt()
            except httpx.HTTPError:
                if time.monotonic() > self.until_s:
                    raise
                time.sleep(0.5)  # between two tries


@dataclass(slots=True)
class Population:
    """How many jobs are under way, and when the next one may begin: evenly over the kills."""

    jobs: int
    at_once: int
    kills: int
    _alive: int = 0
    _begun: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)

    @property
    def alive(self) -> int:
        return self._alive

    def enter(self, kills_made: Callable[[], int], stop: threading.Event) -> None:
        """Return when one more job may begin; at once when there will be no more kills."""
        with self._change:
            while not stop.is_set() and not self.has_room(kills_made()):
                self._change.wait(0.5)
            self._begun += 1
            self._alive += 1

    def join(self) -> None:
        """Count a job that waits for no kill: one that another version began."""
        with self._change:
            self._alive += 1

    def leave(self) -> None:
        with self._change:
            self._alive -= 1
            self._change.notify_all()

    def has_room(self, kills_made: int) -> bool:
        """The last job begins shortly before the last kills, so that hardly a kill meets no job."""
        share = kills_made / max(1, self.kills)
        due = self.at_once + (self.jobs - self.at_once) * min(1.0, share * 1.03)
        return self._begun < due
