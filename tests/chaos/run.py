"""One whole run: a stack of its own, many jobs, many kills, then the evidence and what it contradicts."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from client.api import PromptreelClient
from client.errors import Retries
from tests.chaos import invariants
from tests.chaos.boundaries import watched
from tests.chaos.changes import Changes, copy_package, environment, functions_of_the_deployment
from tests.chaos.evidence import Evidence, collect
from tests.chaos.faults import Provider, profile
from tests.chaos.history import History
from tests.chaos.killer import Killer, order_delivery_faults
from tests.chaos.owners import Owner, Population, Submission
from tests.chaos.plan import TARGETS, Plan, PlannedFilm
from tests.chaos.recordings import RecordedJob, prepare
from tests.e2e.stack import Stack, running
from tests.processes import is_alive

PACE = 0.05
RECORDED_FROM = 1000  # numbers of the films that another version began
# A killed API is unreachable for seconds until it is restarted; the owners' client waits for it.
PATIENCE = Retries(attempts=40, longest_wait_s=2.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a plan is carried out."""

    at_once: int
    rules: Mapping[Provider, Sequence[dict[str, Any]]]
    limit_s: float
    """The run gives up on jobs that are not final after so long."""
    restarted: Collection[str] = tuple(TARGETS)
    """The programs that may be restarted when prompt templates change."""
    boundary_within_s: float = 180.0
    """How long a kill waits for its boundary before it is made without one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed; ``broken`` is empty when every invariant holds."""

    evidence: Evidence
    broken: Sequence[str]
    killer: Killer
    changes: Changes
    history: History
    boundaries_seen: int
    lasted_s: float


def carry_out(plan: Plan, terms: Terms, folder: Path) -> Outcome:
    """Carry the plan out; everything about it is left in the folder: history, logs, the stack's own output."""
    folder.mkdir(parents=True, exist_ok=True)
    history, begun_s = History(folder / "history.txt"), time.monotonic()
    options = ("--time-scale", str(PACE), "--run-dir", str(folder / "stack"))
    release = folder / "release"
    copy_package(release)
    with running(folder, *options, env=environment(release)) as stack:
        with (
            watched(stack.state["firestore"], stack.project, history) as boundaries,
            PromptreelClient(stack.state["api"], stack.state["tokens"]["owner"], retries=PATIENCE) as client,
        ):
            stack.vertex("POST", "profile", profile("vertex", plan.seed, PACE))
            stack.replicate("POST", "profile", profile("replicate", plan.seed, PACE))
            recorded = [prepare(recording, plan.seed, stack) for recording in plan.recordings]
            submissions = [
                *map(Submission, plan.films),
                *(_continue_recorded(job) for job in recorded if job.is_readable),
            ]
            stack.vertex("POST", "faults", list(terms.rules["vertex"]))
            stack.replicate("POST", "faults", list(terms.rules["replicate"]))
            order_delivery_faults(stack.state, plan.seed)
            killer = Killer(stack, boundaries, history, plan.seed, terms.boundary_within_s)
            restarted = [name for name in functions_of_the_deployment() if name in terms.restarted]
            changes = Changes(stack, killer, history, release, recorded, plan, restarted)
            owner = Owner(stack, client, history, plan.seed, begun_s + terms.limit_s)
            _run_jobs(plan, terms, submissions, owner, killer, changes)
            _end_faults(stack)
            evidence = collect(stack, client, submissions, recorded)
        processes = stack.processes()
        stack.stop()
    evidence = replace(evidence, left_processes=[str(one) for one in processes if is_alive(one)])
    broken = invariants.broken(evidence)
    history.note("faults", ", ".join(f"{name} {count}" for name, count in sorted(evidence.faults_seen.items())))
    for contradiction in broken:
        history.note("BROKEN", contradiction)
    return Outcome(evidence, broken, killer, changes, history, boundaries.seen.total(), time.monotonic() - begun_s)


def _continue_recorded(job: RecordedJob) -> Submission:
    """A recorded job that this stack continues."""
    return Submission(PlannedFilm(RECORDED_FROM + job.recording.number, job.request), job_id=job.job_id)


def _run_jobs(
    plan: Plan, terms: Terms, submissions: Sequence[Submission], owner: Owner, killer: Killer, changes: Changes
) -> None:
    """Run all jobs to their end while the killer works."""
    recorded = [submission for submission in submissions if submission.job_id]
    population = Population(len(submissions) - len(recorded), terms.at_once, len(plan.kills))
    for _ in recorded:
        population.join()

    ended = {submission.film.number: threading.Event() for submission in submissions}

    def bring_to_end(submission: Submission) -> None:
        if submission.film.repeats is not None:
            ended[submission.film.repeats].wait(max(0.0, owner.until_s - time.monotonic()))
        if submission in recorded:
            changes.wait_for_documents(lambda: time.monotonic() > owner.until_s)
        else:
            population.enter(lambda: killer.made, killer.stop)
        try:
            owner.bring_to_end(submission)
        finally:
            ended[submission.film.number].set()
            population.leave()

    killing = threading.Thread(target=_kill, args=(plan, killer, population, changes), name="killer", daemon=True)
    killing.start()
    with ThreadPoolExecutor(len(submissions)) as pool:
        try:
            list(pool.map(bring_to_end, submissions))
        finally:
            killer.stop.set()
            owner.until_s = 0.0  # after an interruption the others need not wait for their films either
    killing.join()


def _kill(plan: Plan, killer: Killer, population: Population, changes: Changes) -> None:
    try:
        killer.carry_out(plan.kills, lambda: population.alive > 0, changes.make_due)
    except AssertionError as error:  # a program that does not restart: the jobs will show it
        killer.history.note("trouble", str(error))
    finally:
        killer.stop.set()
        changes.make_all()


def _end_faults(stack: Stack) -> None:
    """End all faults, so that what is under way can finish; the last killed program may need a moment."""
    for order in (stack.vertex, stack.replicate):
        for _ in range(60):
            with suppress(httpx.HTTPError):
                order("DELETE", "faults")
                break
            time.sleep(0.5)  # between two tries
