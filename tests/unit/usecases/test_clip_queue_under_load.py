"""Bursts of clips on a queue of a fixed rate: real steps over real documents, a simulated queue, virtual time."""

import json
from collections import deque

from promptreel.domain.states import SceneState
from promptreel.ports.orchestration import ClipTask
from promptreel.ports.storage import Create
from promptreel.usecases.job_lifecycle import JobRun
from tests.factories import altered
from tests.fakes.models import a_storyboard
from tests.fakes.orchestration import MemoryQueue
from tests.fakes.services import FakeServices
from tests.infra.policy import declared

PER_MINUTE = declared.config("queues")["clips"]["dispatches_per_minute"]
SCENES = 6
STEADY_JOBS = 3  # a minute: 18 clips
BURST_JOBS = 25  # at once, besides: 150 clips
MINUTES = 30


class FifoQueue(MemoryQueue):
    """First in, first out."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[ClipTask] = deque()

    def enqueue(self, task: ClipTask, *, high: bool) -> None:
        if task not in self.tasks:
            self.waiting.append(task)
        super().enqueue(task, high=high)


class Deployment:
    """Jobs come in with all pictures drawn; every minute their executions poll and the queue dispatches."""

    def __init__(self) -> None:
        self.world = FakeServices()
        self.queue = FifoQueue()
        self.world.text.answers = [json.dumps(a_storyboard(SCENES))]
        self.template = self.world.drawn(scenes=SCENES, duration_s=SCENES * 4.0)
        self.waiting_jobs: list[str] = []
        self.lengths: list[int] = []
        self.world.queue = self.queue

    def submit(self, number: int) -> None:
        """Bring in jobs that are copies of the template, a moment before their clips are queued."""
        for _ in range(number):
            job_id = f"job-{self.world.ids.new_token()}"
            changes = [Create(job_id, altered(self.template, id=job_id))]
            for scene in (read.value for read in self.world.jobs.list_scenes(self.template.id)):
                drawn = altered(scene, state=SceneState.DRAWN, dispatch=0, queued_at=None)
                changes.append(Create(job_id, drawn))
                call = self.world.jobs.get_call(self.template.id, scene.clip_call_id(self.template.id))
                assert call is not None
                changes.append(Create(job_id, altered(call.value, id=scene.clip_call_id(job_id), job=job_id)))
            self.world.jobs.write(*changes)
            self.waiting_jobs.append(job_id)

    def pass_minute(self) -> None:
        for job_id in self.waiting_jobs:
            self.world.poll_clips(JobRun(job_id, self.template.run))
        for _ in range(min(PER_MINUTE, len(self.queue.waiting))):
            self.world.deliver(self.queue.waiting.popleft())
        self.waiting_jobs = [job_id for job_id in self.waiting_jobs if self._waits(job_id)]
        self.lengths.append(len(self.queue.waiting))
        self.world.clock.pass_s(60)

    def _waits(self, job_id: str) -> bool:
        return any(read.value.state is not SceneState.FILMING for read in self.world.jobs.list_scenes(job_id))


def test_burst_beside_steady_load_is_worked_off_and_every_clip_is_dispatched_once() -> None:
    deployment = Deployment()

    deployment.submit(BURST_JOBS)
    for _ in range(MINUTES):
        deployment.submit(STEADY_JOBS)
        deployment.pass_minute()

    clips = (BURST_JOBS + MINUTES * STEADY_JOBS) * SCENES
    assert deployment.lengths[1:] == sorted(deployment.lengths[1:], reverse=True)
    assert deployment.lengths[-1] == 0
    assert len(deployment.queue.tasks) == len(deployment.world.video.requests) == clips


def test_tasks_are_redispatched_after_two_minutes_when_the_queue_lost_them() -> None:
    deployment = Deployment()
    deployment.submit(2)
    for job_id in deployment.waiting_jobs:
        deployment.world.poll_clips(JobRun(job_id, deployment.template.run))
    deployment.queue.waiting.clear()
    deployment.queue.tasks.clear()

    for _ in range(4):
        deployment.pass_minute()

    assert len(deployment.world.video.requests) == 2 * SCENES
    assert {task.dispatch for task in deployment.queue.tasks} == {2}
