"""One job from wish to film, as its owner sees it: submitted, perhaps cancelled or given more money, and resumed."""

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
from tests.chaos.plan import Wish
from tests.e2e.stack import FINAL, Stack

LOOK_S = 2.0
REPORT_WITHIN_S = 60.0
AMPLE_USD = "60"
OWNER = "owner@example.com"


class OutOfTimeError(Exception):
    """The run's time was over before the job was final."""


@dataclass(slots=True)
class Life:
    """What became of one wish. ``job_id`` is empty until the job is known; a recorded job has it already."""

    wish: Wish
    job_id: str = ""
    state: str = ""
    resumes: int = 0
    lasted_s: float = 0.0
    over_budget: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def name(self) -> str:
        return f"film {self.wish.number} {self.job_id}".rstrip()


@dataclass(slots=True)
class Owner:
    """Looks after one job at a time; ``until_s`` is the monotonic moment at which it gives up."""

    stack: Stack
    client: PromptreelClient
    history: History
    seed: int
    until_s: float

    def see_through(self, life: Life) -> None:
        """Bring the job to COMPLETE, resuming it at most once, and once for a limit that was too low.

        What could not be done is in ``trouble``.
        """
        begun_s = time.monotonic()
        try:
            if not life.job_id:
                life.job_id = self._ask(life)
                self.history.note("job", f"{life.name} submitted")
            job = self._cancelled(life) or self._wait(life)
            if (job["error"] or {}).get("code") == "budget_exceeded":  # the owner's doing, and no resume for the kills
                job = self._resumed(life, job)
            if job["state"] != "COMPLETE":
                job = self._resumed(life, job)
            self.history.note("job", f"{life.name} {job['state']} {job['error'] or ''}".rstrip())
        except (AssertionError, ClientError, OutOfTimeError, httpx.HTTPError) as error:
            life.trouble = f"{type(error).__name__}: {error}"
            self.history.note("trouble", f"{life.name} {life.trouble}")
        life.lasted_s = time.monotonic() - begun_s

    def _ask(self, life: Life) -> str:
        if life.wish.by_upload:
            return self._upload(life.wish)
        request = cast(FilmRequest, dict(life.wish.request))
        return str(self.client.submit(request, f"chaos-{self.seed}-{life.wish.number}")["id"])

    def _upload(self, wish: Wish) -> str:
        """The job of an uploaded wish, by its report; a file whose execution died with the stand-in is uploaded again.

        Google's executions outlive their machines; ours end with the stand-in, and before open_job no document knows
        of the wish.
        """
        name = f"chaos/{self.seed}/{wish.number}.json"
        while True:
            self._insist(lambda: self.stack.upload(name, json.dumps({**wish.request, "owner": OWNER}).encode()))
            with suppress(AssertionError):
                report = self._insist(lambda: self.stack.report(name))
                return str(report["job_id"])
            self.history.note("job", f"film {wish.number} is uploaded again")

    def _cancelled(self, life: Life) -> dict[str, Any] | None:
        """Wait for the owner's change of mind, if there is to be one; the job, if it is final by then."""
        if life.wish.cancel_after_s is None:
            return None
        with suppress(OutOfTimeError):
            return self._wait(life, within_s=life.wish.cancel_after_s)
        self.history.note("job", f"{life.name} is cancelled by its owner")
        with suppress(ClientError):  # it may just have ended
            self.client.cancel(life.job_id)
        return None

    def _resumed(self, life: Life, job: dict[str, Any]) -> dict[str, Any]:
        self.history.note("job", f"{life.name} {job['state']}: {job['error']}")
        life.resumes += 1
        self.client.resume(life.job_id, AMPLE_USD)
        self.history.note("job", f"{life.name} resumed")
        return self._wait(life)

    def _wait(self, life: Life, within_s: float | None = None) -> dict[str, Any]:
        """The job once it is final. Raises: OutOfTimeError."""
        until_s = self.until_s if within_s is None else min(self.until_s, time.monotonic() + within_s)
        while True:
            job = cast(dict[str, Any], self.client.job(life.job_id))
            life.state = job["state"]
            if job["state"] in FINAL:
                return job
            self._watch_budget(life)
            if time.monotonic() > until_s:
                raise OutOfTimeError(f"still {job['state']}")
            time.sleep(LOOK_S)  # between two looks

    def _watch_budget(self, life: Life) -> None:
        totals = self.client.ledger(life.job_id)["totals"]
        if totals["spent_micros"] + totals["reserved_micros"] > totals["limit_micros"]:
            life.over_budget.append(f"{totals} while {life.state}")

    def _insist(self, attempt: Callable[[], Any]) -> Any:
        """What the attempt gives as soon as nothing it needs is being started again."""
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

    def enter(self, kills_made: Callable[[], int], enough: threading.Event) -> None:
        """Return when one more job may begin; at once when there will be no more kills."""
        with self._change:
            while not enough.is_set() and not self.has_room(kills_made()):
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
        """The last job begins shortly before the last kills: nobody is spared, and hardly a kill is left over."""
        share = kills_made / max(1, self.kills)
        due = self.at_once + (self.jobs - self.at_once) * min(1.0, share * 1.03)
        return self._begun < due
