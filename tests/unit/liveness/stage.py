"""Every actor of one film over a fake world and a fake clock, so that a test can take one of them away for good.

The execution here is film.yaml in short (tests/workflow runs the real one); steps, ledger, sweeper and renders are the
product's own. Time passes in ticks; at each tick every actor that is alive does what is due.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Any

from promptreel.domain.document import Problem
from promptreel.domain.job import Job, Output
from promptreel.domain.scene import Scene
from promptreel.errors import AnswerLost, PromptreelError, Transient
from promptreel.ports.models import Running
from promptreel.ports.orchestration import ClipTask
from promptreel.ports.storage import Versioned
from promptreel.usecases import delete_job
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import OPENING_S, QUIET_S, SweepJobs
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.renders import RenderRequest, RenderResult
from stitcher_service.jobs.services import StitcherServices
from stitcher_service.jobs.stitch_film import stitch_film
from tests.fakes.hooks import Killed
from tests.fakes.services import FakeServices
from tests.fakes.system import START

TICK_S = 5.0
SWEEP_EVERY_S = 300.0  # infra/config/services.json
CLIP_TAKES_S = 60.0
REDELIVERED_AFTER_S = 10.0
REPEATS = 5  # of a step by its execution

Waits = Generator[float, None, None]
Answers = Generator[float, None, Any]
"""Yields the seconds to wait before it goes on."""


class Actor(StrEnum):
    """Who acts on a film, and may die at any moment."""

    WORKER = "worker"  # the process that has just written: API, step, submit_clip, stitcher or sweeper
    EXECUTION = "execution"
    TASK = "task"
    PROVIDER = "video provider"
    GEMINI = "Gemini"
    SWEEPER = "sweeper"
    OWNER = "owner"  # acts through the API
    CLOUD = "cloud"  # the queue and the orchestrator, which do not die


MORTAL = tuple(actor for actor in Actor if actor not in {Actor.OWNER, Actor.CLOUD})


class ExecutionKilled(Killed):
    """The execution was killed, with the step that it was waiting for."""


class Stage:
    """One film and its actors. ``observe`` is called after every write, start, task and answer."""

    def __init__(self, observe: Callable[["Stage"], None] = lambda stage: None) -> None:
        self.world = FakeServices()
        self.observe = observe
        self.acting = Actor.OWNER
        self.dead: set[Actor] = set()
        self.under_way: ClipTask | None = None
        self.answered: set[ClipTask] = set()
        self.world.queue.done = self.answered  # the queue knows what is answered
        self._due: dict[ClipTask, float] = {}
        self._accepted: dict[str, float] = {}
        self._executions: dict[str, tuple[Waits, float]] = {}
        self._played = 0
        self._next_sweep_s = SWEEP_EVERY_S
        self.killed_at_s = 0.0
        self.starters: list[Actor] = []
        self._stitcher = StitcherServices(
            self.world.jobs, self.world.artifacts, self.world.clock, self.world.ids, pace=1.0
        )
        self._watch(self.world.jobs, "write")
        self._watch(self.world.queue, "enqueue")
        self._watch(self.world.executions, "start")

    def _watch(self, port: Any, method: str) -> None:
        act = getattr(port, method)

        def watched(*arguments: Any, **named: Any) -> Any:
            result = act(*arguments, **named)
            if method == "start":
                self.starters.append(self.acting)
            self.observe(self)
            return result

        setattr(port, method, watched)

    @property
    def now_s(self) -> float:
        return (self.world.clock.now() - START).total_seconds()

    @property
    def jobs(self) -> Sequence[Job]:
        """The film's job, once it is stored."""
        return list(self.world.jobs.list_jobs("mira@example.com", None, None))

    @property
    def scenes(self) -> Sequence[Versioned[Scene]]:
        return self.world.jobs.list_scenes("job-1")

    def submit(self, **request: Any) -> None:
        """The owner submits a film: the job is stored, then its execution is started."""
        self.acting = Actor.OWNER
        payload = {"prompt": "A lighthouse keeper waits", **request}
        try:
            job = accept_request("job-1", "mira@example.com", payload, self.world)
            self.world.executions.start(job.id, job.run)
        except Killed:
            pass  # the owner has an answer that says nothing; the job is stored

    def delete(self) -> None:
        """The owner deletes the film."""
        self.acting = Actor.OWNER
        with suppress(Killed):
            delete_job.mark("job-1", self.world)

    def tick(self) -> None:
        """Let time pass, and every actor do what is due."""
        self.world.clock.pass_s(TICK_S)
        for turn in (self._provide, self._deliver, self._execute, self._sweep):
            turn()

    def kill(self, actor: Actor) -> None:
        """Take an actor away: the one that is there, or the next one of its kind.

        The sweeps come when they help least. Raises: Killed when the actor is the one that acts now.
        """
        self.dead.add(actor)
        self.killed_at_s = self.now_s
        self.starters.clear()
        quiet_s = QUIET_S if self.jobs[0].execution else OPENING_S
        self._next_sweep_s = self.now_s + quiet_s - TICK_S
        if actor is Actor.GEMINI:
            self.world.text.answers = [AnswerLost("no answer") for _ in range(99)]
            self.world.images.failures = [AnswerLost("no answer") for _ in range(99)]
        if actor is Actor.EXECUTION and self._executions:
            self.dead.discard(Actor.EXECUTION)
            self.world.executions.active.clear()
            self._executions.clear()
            if self.acting is Actor.EXECUTION:
                raise ExecutionKilled
        if actor is Actor.WORKER:
            raise Killed

    def _provide(self) -> None:
        self.acting = Actor.PROVIDER
        for operation, state in list(self.world.video.states.items()):
            since = self._accepted.setdefault(operation, self.now_s)
            if isinstance(state, Running) and self.now_s - since >= CLIP_TAKES_S and Actor.PROVIDER not in self.dead:
                self.world.video.deliver(operation)

    def _deliver(self) -> None:
        self.acting = Actor.TASK
        if Actor.TASK in self.dead and self.world.queue.tasks.keys() - self.answered:
            self.answered.update(self.world.queue.tasks)  # lost; the tasks that are made from now on are not
            self.dead.discard(Actor.TASK)
        for task in list(self.world.queue.tasks.keys() - self.answered):
            if self.now_s < self._due.get(task, 0.0):
                continue
            self.under_way = task
            try:
                self.observe(self)
                self.world.submit_clip(SubmitClip(task.job_id, task.run, task.scene, task.take, task.attempt))
                self.answered.add(task)
            except (Killed, PromptreelError):
                self._due[task] = self.now_s + REDELIVERED_AFTER_S
            self.under_way = None
            self.observe(self)

    def _execute(self) -> None:
        self.acting = Actor.CLOUD
        for job_id, run in self.world.executions.started[self._played :]:
            self._played += 1
            name = f"execution-{self._played}"
            if Actor.EXECUTION in self.dead:
                self.dead.discard(Actor.EXECUTION)
                self.world.executions.active.discard(self.world.executions.full_name(name))
                continue
            self._executions[name] = (self._film(name, job_id, run), self.now_s)
        for name, (film, due_s) in list(self._executions.items()):
            if self.world.executions.full_name(name) not in self.world.executions.active or self.now_s < due_s:
                continue
            try:
                self._executions[name] = (film, self.now_s + next(film))
            except (StopIteration, Killed):
                self._executions.pop(name, None)
                self.world.executions.active.discard(self.world.executions.full_name(name))

    def _sweep(self) -> None:
        if self.now_s < self._next_sweep_s:
            return
        self._next_sweep_s += SWEEP_EVERY_S
        if Actor.SWEEPER in self.dead:
            self.dead.discard(Actor.SWEEPER)  # one sweep dies; the scheduler starts the next one
            return
        self.acting = Actor.SWEEPER
        with suppress(Killed, PromptreelError):
            self.world.sweep_jobs(SweepJobs())

    def _film(self, execution: str, job_id: str, run: int) -> Waits:
        """film.yaml in short."""
        world = self.world
        opened = yield from self._step(lambda: world.open_job(OpenJob(execution, {"job_id": job_id, "run": run})))
        if opened is None or opened.state != "open":
            return
        try:
            yield from self._make(job_id, run)
        except PromptreelError as error:
            problem = Problem.from_error(error, step="film")
            yield from self._step(lambda: world.fail_job(FailJob(job_id, run, problem.model_dump(mode="json"))))

    def _make(self, job_id: str, run: int) -> Waits:
        world = self.world
        plan = yield from self._until_free(lambda: world.write_storyboard(JobRun(job_id, run)))
        items = [item for wave in plan.waves for item in wave.items]
        while plan.state == "planned":
            drawing = items[:1]
            for item in drawing:
                drawn = yield from self._until_free(
                    partial(world.draw_keyframe, DrawKeyframe(job_id, run, item.scene, item.frame, item.take))
                )
                items.pop(0)
                if drawn.state == "superseded":
                    return
            clips = yield from self._step(lambda: world.poll_clips(JobRun(job_id, run)))
            if clips.state == "failed":
                yield from self._step(partial(world.fail_job, FailJob(job_id, run, clips.problem.model_dump())))
            if clips.state in {"failed", "superseded", "done"}:
                break
            for item in clips.redraw:
                yield from self._until_free(
                    partial(world.draw_keyframe, DrawKeyframe(job_id, run, item.scene, item.frame, item.take))
                )
            yield 0.0 if items else clips.wait_s
        yield from self._until_free(lambda: stitch_film(RenderRequest(job_id, run), self._stitcher))
        yield from self._step(lambda: world.close_job(JobRun(job_id, run)))

    def _until_free(self, step: Callable[[], Any]) -> Answers:
        while True:
            answer = yield from self._step(step)
            if answer.state != "busy":
                return answer
            yield answer.wait_s

    def _step(self, step: Callable[[], Any]) -> Answers:
        """One request, repeated while its process dies or trouble passes."""
        for repeat in range(REPEATS):
            self.acting = Actor.EXECUTION
            try:
                return step()
            except ExecutionKilled:
                raise
            except (Killed, Transient):
                pass
            yield float(2**repeat)
        return step()


def make_film(job: Job, _: object, edit: FilmEdit, services: StitcherServices, __: object) -> RenderResult:
    """What `stitcher_service.jobs.stitch_film.render_film` would store, without pictures."""
    root, digest = f"jobs/{job.id}/output", edit.digest("film")
    uris = [services.artifacts.put(f"{root}/{name}-{digest}", b"x", "video/mp4") for name in ("film", "poster")]
    numbers = {"frames": 1, "width_px": 1, "height_px": 1, "copied_frames": 0}
    return RenderResult(
        Output.model_validate({"film_uri": uris[0], "poster_uri": uris[1], "digest": digest, **numbers})
    )
